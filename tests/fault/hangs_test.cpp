// Gangs that live and do not get on: noticed, written down, ended, and nothing of them left.
#include <cstdlib>

#include "base/exit_codes.h"
#include "base/format.h"
#include "tests/fault/agent_fault_fixture.h"

namespace tagalign {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class HangsTest : public AgentFaultTest {
 protected:
  Path attempt_file(const std::string& name) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_.path())) {
      if (entry.path().filename() == name) return entry.path();
    }
    return {};
  }
  std::string text_of(const std::string& name) {
    std::ifstream file(attempt_file(name));
    return {std::istreambuf_iterator<char>(file), {}};
  }
  /// Until the end of the attempt, from when `since_ms`, at most so many milliseconds.
  AttemptEnded ends_within(std::int64_t most_ms, MonotonicMs since_ms) {
    const AttemptEnded ended = wait_for_end();
    const std::int64_t took_ms = system_clock().monotonic_ms() - since_ms;
    std::printf("noticed, written down and ended after %lld ms\n", static_cast<long long>(took_ms));
    EXPECT_LT(took_ms, most_ms);
    EXPECT_EQ(ended.outcome, Outcome::kHung) << ended.message;
    EXPECT_FALSE(any_rank_lives());
    return ended;
  }
  static Patience step_of_3s() { return {.set = {.step = 3'000}}; }
};

TEST_F(HangsTest, EndlessLoop_IsNoticedWithinAMinute_ItsStackNamesTheFunction) {
  wait_for_hello();
  launch("train wait loop");
  wait_for_ranks();
  // Steps of half a second: nothing was set, the deadline is learned. Training takes 4 s.
  const AttemptEnded ended = ends_within(60'000, system_clock().monotonic_ms());
  EXPECT_EQ(ended.failed_rank, 1);
  EXPECT_EQ(ended.last_step, 8u);
  EXPECT_THAT(ended.message, HasSubstr("rank 0 waits for it in all_reduce_sum (collective 9), it "
                                       "has entered 8"));
  EXPECT_THAT(text_of("rank-1.stacks"),
              AllOf(HasSubstr("loop_for_ever"), HasSubstr("8 all_reduce")));
  EXPECT_THAT(text_of("rank-0.stacks"), HasSubstr("9 all_reduce_sum of 4096 bytes: entered"));
  EXPECT_THAT(text_of("hang-node1.txt"), AllOf(HasSubstr("runs"), HasSubstr("file 0 ")));
}

TEST_F(HangsTest, AllRanksWait_IsADeadlock) {
  wait_for_hello();
  launch("train meet", 1, 2, 1, step_of_3s());
  wait_for_ranks();
  const AttemptEnded ended = ends_within(20'000, system_clock().monotonic_ms());
  EXPECT_THAT(ended.message, HasSubstr("all_reduce_sum (collective 9), as all ranks here"));
}

TEST_F(HangsTest, ReadThatNeverComesBack_IsNamed_AndIsATroubleOfThePlace) {
  wait_for_hello();
  launch("train wait read", 1, 2, 1, step_of_3s());
  wait_for_ranks();
  const AttemptEnded ended = ends_within(20'000, system_clock().monotonic_ms());
  EXPECT_EQ(ended.exit_code, to_int(ExitCode::kPlaceFailed));
  EXPECT_THAT(ended.message, HasSubstr("reading a.jpg for"));
  EXPECT_THAT(text_of("rank-1.stacks"), HasSubstr("reading a.jpg for"));
}

TEST_F(HangsTest, StoppedRank_IsNoticedWithinAMinute_AndSaidToBeStopped) {
  wait_for_hello();
  launch("run");
  wait_for_ranks();
  ::kill(pids_.at(1), SIGSTOP);
  const AttemptEnded ended = ends_within(60'000, system_clock().monotonic_ms());
  EXPECT_EQ(ended.failed_rank, 1);
  EXPECT_THAT(ended.message, HasSubstr("was silent for 30.0 s"));
  EXPECT_THAT(text_of("hang-node1.txt"), HasSubstr("is stopped by a signal"));
}

TEST_F(HangsTest, RankThatWritesNoStacks_IsLookedAtByADebugger) {
  const Path gdb = folder_.path() / "bin" / "gdb";
  std::filesystem::create_directories(gdb.parent_path());
  std::ofstream(gdb) << "#!/bin/sh\necho \"asked: $*\"\n";
  std::filesystem::permissions(gdb, std::filesystem::perms::owner_all);
  const std::string path = std::getenv("PATH");
  ::setenv("PATH", (gdb.parent_path().string() + ":" + path).c_str(), 1);
  end_agent(SIGKILL);
  start_agent();
  ::setenv("PATH", path.c_str(), 1);
  wait_for_hello();
  launch("train deaf meet", 1, 2, 1, step_of_3s());
  wait_for_ranks();
  (void)ends_within(20'000, system_clock().monotonic_ms());
  for (const int rank : {0, 1}) {
    EXPECT_THAT(text_of(format("rank-{}.stacks", rank)),
                HasSubstr(format("asked: -p {} -nx -batch -ex thread apply all bt", pids_[rank])));
  }
  EXPECT_THAT(text_of("hang-node1.txt"), HasSubstr("by " + gdb.string()));
}

TEST_F(HangsTest, RankThatWritesNoStacks_RealDebuggerNamesTheFunction) {
  if (!find_program("gdb")) GTEST_SKIP() << "needs gdb";
  wait_for_hello();
  launch("train deaf wait loop", 1, 2, 1, step_of_3s());
  wait_for_ranks();
  (void)ends_within(25'000, system_clock().monotonic_ms());
  const std::string stacks = text_of("rank-1.stacks");
  if (stacks.find("not permitted") != std::string::npos) GTEST_SKIP() << "needs ptrace: " << stacks;
  EXPECT_THAT(stacks, HasSubstr("loop_for_ever"));
}

TEST_F(HangsTest, TimeByPhase_IsToldBeforeTheEnd) {
  wait_for_hello();
  launch("train exit 0");
  EXPECT_EQ(wait_for_end().outcome, Outcome::kSucceeded);
  for (const auto& [sequence, event] : events_) {
    const auto* spent = std::get_if<AttemptSpent>(&event);
    if (spent == nullptr) continue;
    // Two ranks, eight steps of half a second; beats come every quarter.
    EXPECT_NEAR(static_cast<double>(spent->spent.first_step + spent->spent.step), 8'000, 1'500);
    return;
  }
  FAIL() << "nobody told how the time was spent";
}

}  // namespace
}  // namespace tagalign
