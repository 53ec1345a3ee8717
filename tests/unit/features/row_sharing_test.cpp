// Several processes fill one folder at the same time, and some of them die over it.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/unit/features/row_fixture.h"

namespace tagalign::jobs {
namespace {

using testing::IsEmpty;

class RowSharingTest : public RowTest {
 protected:
  RowStore store() {
    return RowStore(files_, clock_, {home_ / "cache", kind_of(), 1ull << 30}, open_row_file);
  }

  /// Keeps the rows from `first` on in steps of `step`, and reads what others keep meanwhile.
  static int fill(RowStore store, std::uint64_t first, std::uint64_t step, std::uint64_t end) {
    for (std::uint64_t number = first; number < end; number += step) {
      store.keep(key_of(number), row_of(number));
      if (number % 64 == 0) (void)store.look_again();
      const std::uint64_t other = (number * 7919) % end;
      Row row(kRowBytes);
      if (store.find(key_of(other), row) && row != row_of(other)) return 2;
    }
    return store.take_notices().empty() ? 0 : 3;
  }

  pid_t in_a_process(std::uint64_t first, std::uint64_t step, std::uint64_t end) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(fill(store(), first, step, end));
    return child;
  }
  static int end_of(pid_t child) {
    int status = -1;
    TA_CHECK(::waitpid(child, &status, 0) == child, "waitpid");
    return status;
  }

  std::uint64_t known(std::uint64_t count, bool torn_rows = false) {
    RowStore late = store();
    (void)late.look_again();
    std::uint64_t yes = 0;
    for (std::uint64_t number = 0; number < count; ++number) {
      Row row(kRowBytes);
      if (!late.find(key_of(number), row)) continue;
      EXPECT_EQ(row, row_of(number)) << number;
      ++yes;
    }
    if (!torn_rows) {
      EXPECT_THAT(late.take_notices(), IsEmpty());
    }
    return yes;
  }
};

TEST_F(RowSharingTest, ProcessesThatAppendAtTheSameTime_LoseNextToNothing_AndReadNothingWrong) {
  constexpr std::uint64_t kRows = 20'000;
  std::vector<pid_t> children;
  for (std::uint64_t first = 0; first < 4; ++first)
    children.push_back(in_a_process(first, 4, kRows));
  for (const pid_t child : children) EXPECT_EQ(end_of(child), 0);
  // Of two that chose one place at the same time one lost its row.
  EXPECT_GE(known(kRows), kRows - kRows / 100);
}

TEST_F(RowSharingTest, ProcessesThatKeepTheSameRows_KeepThemAll) {
  constexpr std::uint64_t kRows = 6'000;
  const pid_t one = in_a_process(0, 1, kRows), other = in_a_process(0, 1, kRows);
  EXPECT_EQ(end_of(one), 0);
  EXPECT_EQ(end_of(other), 0);
  EXPECT_GE(known(kRows), kRows - kRows / 100);
}

TEST_F(RowSharingTest, ProcessesThatAreKilledInTheMiddle_LeaveNothingInTheWay) {
  constexpr std::uint64_t kRows = 50'000;
  for (int round = 0; round < 10; ++round) {
    const pid_t child = in_a_process(0, 1, kRows);
    ::usleep(5'000 * (static_cast<unsigned>(round) + 1));
    ::kill(child, SIGKILL);
    const int end = end_of(child);
    EXPECT_TRUE(WIFSIGNALED(end) || end == 0);
  }
  const std::uint64_t left = known(kRows, true);
  EXPECT_GT(left, 100u);
  RowStore after = store();
  for (std::uint64_t number = 0; number < kRows; ++number)
    after.keep(key_of(number), row_of(number));
  EXPECT_EQ(known(kRows), kRows);
}

}  // namespace
}  // namespace tagalign::jobs
