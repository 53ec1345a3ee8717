/// What an agent promises when its disk is full, or its machine dies between any two changes of it.
#include <gmock/gmock.h>

#include "tests/support/fault_file_system.h"
#include "tests/unit/agent/agent_fixture.h"
#include "tests/unit/agent/broken_disk.h"

namespace tagalign::agent {
namespace {

using namespace wire;
using tagalign::testing::BrokenDisk;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using testing_support::FaultFileSystem;

class AgentDiskTest : public AgentFixture {
 protected:
  /// Two jobs, one of which reports a checkpoint; a coordinator repeats its orders.
  void run_two_jobs() {
    for (int repeat = 0; repeat < 3; ++repeat) {
      coordinator_->order(launch(1));
      coordinator_->order(launch(2));
      step();
      say(1, CheckpointCommitted{JobId{1}, Attempt{1}, {.step = 7, .path = "/c", .digest = "d"}});
      step();
      for (std::uint64_t job = 1; job <= 2; ++job)
        say(job, RankFarewell{JobId{job}, Attempt{1}, 0, 0, "", 5});
      processes_.end_marked("mark-");
      step();
      if (!events().empty()) coordinator_->order(AckEvents{events().rbegin()->first});
      clock_.advance_ms(1'000);
      step();
    }
  }

  /// What a coordinator knows in the end; a number that names two events fails.
  void remember_events() {
    for (const auto& [sequence, event] : events()) {
      const auto [known, fresh] = known_.emplace(sequence, event);
      EXPECT_EQ(known->second.index(), event.index()) << "sequence " << sequence << " used twice";
    }
  }

  void run_and_crash(std::uint64_t operations) {
    folder_ = std::make_unique<tagalign::testing::TemporaryFolder>();
    processes_ = {};
    known_.clear();
    FaultFileSystem faulty(posix_file_system());
    faulty.crash_after(operations);
    if (begin_life(faulty).ok()) run_two_jobs();
    remember_events();
    crashed_ = faulty.crashed();
    agent_.reset();
    processes_.end_marked("");
    ASSERT_TRUE(begin_life().ok());
    run_two_jobs();
    remember_events();
  }

  void expect_one_end_each() {
    std::map<JobId, int> ends;
    for (const auto& [sequence, event] : known_) {
      if (const auto* ended = std::get_if<AttemptEnded>(&event)) ++ends[ended->job];
    }
    EXPECT_EQ(ends, (std::map<JobId, int>{{JobId{1}, 1}, {JobId{2}, 1}}));
    std::vector<std::string> starts = processes_.starts;
    std::ranges::sort(starts);
    EXPECT_TRUE(std::ranges::adjacent_find(starts) == starts.end()) << "launched twice";
  }

  std::map<std::uint64_t, AgentEvent> known_;
  bool crashed_ = true;
};

TEST_F(AgentDiskTest, Disk_Full_NothingStartsUntilThereIsSpace) {
  BrokenDisk disk;
  ASSERT_TRUE(begin_life(disk).ok());
  disk.full = true;
  coordinator_->order(launch(1));
  step();
  EXPECT_THAT(processes_.starts, IsEmpty());
  EXPECT_THAT(events(), IsEmpty()) << "an attempt that was not accepted has no end";
  disk.full = false;
  coordinator_->order(launch(1));
  step();
  EXPECT_THAT(processes_.starts, SizeIs(1));
}

TEST_F(AgentDiskTest, Disk_FullWhileAGangRuns_ItsEventsWaitUnacknowledged) {
  BrokenDisk disk;
  ASSERT_TRUE(begin_life(disk).ok());
  coordinator_->order(launch(1));
  step();
  say_hello(1, 101);
  disk.full = true;
  say(1, CheckpointCommitted{JobId{1}, Attempt{1}, {.step = 7, .path = "/c", .digest = "d"}});
  coordinator_->order(stop(9, StopMode::kKill));
  coordinator_->order(stop(9, StopMode::kKill));
  step();
  EXPECT_THAT(acknowledged(1), IsEmpty()) << "acknowledged, but not kept";
  EXPECT_THAT(events_of<CheckpointCommitted>(), IsEmpty()) << "sent, but not kept";
  disk.full = false;
  clock_.advance_ms(1'000);
  step();
  EXPECT_THAT(acknowledged(1), SizeIs(1));
  EXPECT_THAT(events_of<CheckpointCommitted>(), SizeIs(1));
  EXPECT_THAT(events_of<AttemptEnded>(), SizeIs(1)) << "the stop of what was never launched";
}

TEST_F(AgentDiskTest, Crash_AfterEveryChangeOfTheDisk_LaunchesOnceAndTellsEveryEnd) {
  std::uint64_t operations = 0;
  for (; crashed_; ++operations) {
    SCOPED_TRACE("crash after " + std::to_string(operations));
    run_and_crash(operations);
    expect_one_end_each();
    if (HasFailure()) return;
  }
  EXPECT_GT(operations, 10u);
}

}  // namespace
}  // namespace tagalign::agent
