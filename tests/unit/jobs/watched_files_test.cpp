#include "worker/rank/watched_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "base/limits.h"
#include "tests/support/fault_file_system.h"

namespace tagalign::jobs {
namespace {

using ::testing::HasSubstr;

constexpr MonotonicMs kLong = limits::kStuckReadMsMax;

TEST(ReadsInFlight, ReadThatComesBack_IsNotStuck) {
  ReadsInFlight reads;
  const auto first = reads.begin("a.png", 0);
  reads.end(first);
  EXPECT_EQ(reads.stuck(0, 10 * kLong), std::nullopt);
}

TEST(ReadsInFlight, OldReadAfterAStopWasAskedFor_IsStuck_AndNamed) {
  ReadsInFlight reads;
  reads.begin("img/old.png", 0);
  reads.begin("img/new.png", kLong);
  EXPECT_EQ(reads.stuck(5, kLong + 4), std::nullopt);
  const auto why = reads.stuck(5, kLong + 5);
  ASSERT_TRUE(why.has_value());
  EXPECT_THAT(*why, HasSubstr("img/old.png"));
  EXPECT_THAT(*why, HasSubstr("without saving"));
}

TEST(ReadsInFlight, WhileSomethingIsWritten_TheRankIsWaitedFor) {
  ReadsInFlight reads;
  reads.begin("img/old.png", 0);
  reads.changed(kLong);
  EXPECT_EQ(reads.stuck(0, 2 * kLong - 1), std::nullopt);
  EXPECT_TRUE(reads.stuck(0, 2 * kLong).has_value());
}

/// Asked to stop from the start.
class StoppedReporter final : public Reporter {
 public:
  explicit StoppedReporter(bool stopped) : stopped_(stopped) {}
  void hello(const std::string&) override {}
  void progress(std::uint64_t, std::uint64_t, const std::string&) override {}
  Status checkpoint(const wire::CheckpointInfo&, const wire::Pace&) override { return {}; }
  Status result(const wire::EvaluationResult&) override { return {}; }
  void notice(const std::string&) override {}
  void farewell(int, const std::string&) override {}
  std::optional<std::string> stop_requested() override {
    return stopped_ ? std::optional<std::string>("the test asked for it") : std::nullopt;
  }
  RankIdentity identity() const override { return {}; }

 private:
  bool stopped_;
};

/// An hour later each time it is looked at.
class FastClock final : public Clock {
 public:
  UnixMs unix_ms() override { return monotonic_ms(); }
  MonotonicMs monotonic_ms() override { return now_ms_ += 3'600'000; }
  void sleep_ms(std::int64_t) override {}

 private:
  std::atomic<MonotonicMs> now_ms_ = 0;
};

TEST(StuckWatch, StopAndAReadThatDoesNotComeBack_Leaves) {
  ReadsInFlight reads;
  reads.begin("img/old.png", 0);
  StoppedReporter reporter(true);
  FastClock clock;
  std::promise<std::string> left;
  auto why = left.get_future();
  const StuckWatch watch(reads, reporter, clock,
                         [&](const std::string& reason) { left.set_value(reason); });
  ASSERT_EQ(why.wait_for(std::chrono::seconds(20)), std::future_status::ready);
  EXPECT_THAT(why.get(), HasSubstr("img/old.png"));
}

TEST(StuckWatch, NobodyAskedForAStop_WaitsForTheRead) {
  ReadsInFlight reads;
  reads.begin("img/old.png", 0);
  StoppedReporter reporter(false);
  FastClock clock;
  std::atomic<bool> left = false;
  {
    const StuckWatch watch(reads, reporter, clock, [&](const std::string&) { left = true; });
    std::this_thread::sleep_for(std::chrono::milliseconds(600));  // two looks
  }
  EXPECT_FALSE(left);
}

TEST(WatchedFiles, EveryRead_IsNotedUntilItReturns) {
  ReadsInFlight reads;
  FastClock clock;
  WatchedFiles files(posix_file_system(), clock, reads);
  EXPECT_EQ(files.read_file("/nowhere/x", 10).status().code(), ErrorCode::kNotFound);
  EXPECT_FALSE(files.exists("/nowhere/x"));
  EXPECT_FALSE(files.file_size("/nowhere/x").ok());
  EXPECT_FALSE(files.list_directory("/nowhere").ok());
  EXPECT_EQ(reads.stuck(0, 1'000'000'000), std::nullopt);
}

/// Looks at what is in flight while one of its reads is.
class Peeking final : public testing_support::FaultFileSystem {
 public:
  Peeking(ReadsInFlight& reads, Clock& clock)
      : FaultFileSystem(posix_file_system()), reads_(reads), clock_(clock) {}
  Status read_range(const Path&, std::uint64_t, std::span<std::byte>) override {
    seen = reads_.waited_for(clock_.monotonic_ms());
    return ok_status();
  }
  std::string seen;

 private:
  ReadsInFlight& reads_;
  Clock& clock_;
};

TEST(WatchedFiles, ReadOfAnOpenFile_IsNotedUntilItReturns) {
  ReadsInFlight reads;
  FastClock clock;
  Peeking real(reads, clock);
  WatchedFiles files(real, clock, reads);
  const auto file = files.open_file("ck/shard");
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(reads.stuck(0, 1'000'000'000), std::nullopt);
  std::byte target[4];
  ASSERT_TRUE((*file)->read(0, target).ok());
  EXPECT_THAT(real.seen, HasSubstr("ck/shard for "));
  EXPECT_EQ(reads.stuck(0, 1'000'000'000), std::nullopt);
}

}  // namespace
}  // namespace tagalign::jobs
