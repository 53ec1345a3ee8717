#include "worker/agent/agent.h"

#include <gmock/gmock.h>

#include "base/limits.h"
#include "tests/unit/agent/agent_fixture.h"

namespace tagalign::agent {
namespace {

using namespace wire;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class AgentTest : public AgentFixture {
 protected:
  void SetUp() override { ASSERT_TRUE(begin_life().ok()); }
};

TEST_F(AgentTest, Launch_RunsToItsEnd_TellsStartAndEndOnce) {
  coordinator_->order(launch(1));
  step();
  ASSERT_THAT(processes_.starts, ElementsAre("mark-1-1."));
  say_hello(1, processes_.add("mark-1-1."));
  step();
  processes_.end(102, {});
  finish(1, 101);
  step();
  ASSERT_THAT(events_of<AttemptStarted>(), SizeIs(1));
  ASSERT_THAT(events_of<AttemptEnded>(), SizeIs(1));
  EXPECT_EQ(events_of<AttemptEnded>()[0].outcome, Outcome::kSucceeded);
  EXPECT_EQ(events_of<AttemptEnded>()[0].last_step, 5u);
}

TEST_F(AgentTest, Launch_ThatEndsWell_IsLookedForAmongAllProcessesOnce) {
  coordinator_->order(launch(1));
  step();
  const int before = processes_.scans;
  finish(1, 101);
  step(10);
  EXPECT_EQ(processes_.scans - before, 1);
  EXPECT_THAT(events_of<AttemptEnded>(), SizeIs(1));
}

TEST_F(AgentTest, Launch_Repeated_StartsOnceWhateverCameBetween) {
  coordinator_->order(launch(1));
  coordinator_->order(launch(1));
  step();
  coordinator_->order(launch(1));
  step();
  finish(1, 101);
  step();
  coordinator_->order(launch(1));
  step();
  EXPECT_THAT(processes_.starts, SizeIs(1));
  ASSERT_TRUE(begin_life().ok());
  coordinator_->order(launch(1));
  step();
  EXPECT_THAT(processes_.starts, SizeIs(1));
}

TEST_F(AgentTest, Stop_BeforeTheLaunch_PreventsIt) {
  coordinator_->order(stop(1, StopMode::kKill));
  coordinator_->order(launch(1));
  coordinator_->order(launch(2));
  coordinator_->order(stop(2, StopMode::kSaveAndLeave));
  step();
  EXPECT_THAT(processes_.starts, IsEmpty());
  ASSERT_THAT(events_of<AttemptEnded>(), SizeIs(2));
  for (const AttemptEnded& ended : events_of<AttemptEnded>()) {
    EXPECT_EQ(ended.outcome, Outcome::kKilledOnRequest);
    EXPECT_EQ(ended.message, "stopped before it was launched: the test says so");
  }
}

TEST_F(AgentTest, Launch_OfANewerAttempt_EndsTheOlderOneFirst) {
  coordinator_->order(launch(1));
  step();
  processes_.unkillable.insert(101);
  coordinator_->order(launch(1, 2));
  step();
  EXPECT_THAT(processes_.starts, SizeIs(1)) << "two attempts write side by side";
  processes_.end(101, {.code = 0, .signal = 9});
  step(20);
  ASSERT_THAT(events_of<AttemptEnded>(), SizeIs(1));
  EXPECT_THAT(events_of<AttemptEnded>()[0].message, HasSubstr("attempt 2 takes its place"));
  coordinator_->order(launch(1, 2));
  step();
  EXPECT_THAT(processes_.starts, ElementsAre("mark-1-1.", "mark-1-2."));
}

TEST_F(AgentTest, Launch_OvertakenInTheSameRound_OnlyTheNewerStarts) {
  coordinator_->order(launch(1));
  coordinator_->order(launch(1, 2));
  coordinator_->order(launch(1));
  step();
  EXPECT_THAT(processes_.starts, ElementsAre("mark-1-2."));
  ASSERT_THAT(events_of<AttemptEnded>(), SizeIs(1));
  EXPECT_EQ(events_of<AttemptEnded>()[0].attempt, Attempt{1});
}

TEST_F(AgentTest, Launch_WhileAGivenUpGangHoldsTheSlots_WaitsForThem) {
  gpus_ = {"0", "1", "2", "3"};
  ASSERT_TRUE(begin_life().ok());
  Launch large = launch(1);
  large.ranks = 3;
  large = on_slots(large, 0);
  coordinator_->order(large);
  step();
  processes_.unkillable.insert(101);
  large.job = JobId{2};
  const auto order = [&] {
    coordinator_->order(stop(1, StopMode::kKill));
    coordinator_->order(on_slots(launch(3), 3));
    coordinator_->order(large);
    step();
  };
  order();
  EXPECT_THAT(processes_.starts, ElementsAre("mark-1-1.", "mark-3-1."));
  processes_.end(101, {.code = 0, .signal = 9});
  step(20);
  order();
  ASSERT_THAT(processes_.starts, ElementsAre("mark-1-1.", "mark-3-1.", "mark-2-1."));
  EXPECT_EQ(processes_.processes.at(103).environment.at("CUDA_VISIBLE_DEVICES"), "0,1,2");
}

TEST_F(AgentTest, Launch_LargerThanTheAgent_IsRefusedWithBothNumbers) {
  Launch large = launch(1);
  large.slots_per_rank = 5;
  coordinator_->order(on_slots(large, 0));
  step();
  EXPECT_THAT(processes_.starts, IsEmpty());
  ASSERT_THAT(events_of<AttemptEnded>(), SizeIs(1));
  EXPECT_EQ(events_of<AttemptEnded>()[0].outcome, Outcome::kAgentRestarted);
  EXPECT_THAT(events_of<AttemptEnded>()[0].message, HasSubstr("5 slots, and the agent was"));
}

TEST_F(AgentTest, Shutdown_BetweenTwoCopiesOfALaunch_EndsItOnceUnlaunched) {
  coordinator_->order(launch(1));
  coordinator_->order(AgentShutdown{"the test says so"});
  coordinator_->order(launch(1));
  step();
  EXPECT_THAT(processes_.starts, IsEmpty());
  ASSERT_THAT(events_of<AttemptEnded>(), SizeIs(1));
  EXPECT_EQ(events_of<AttemptEnded>()[0].outcome, Outcome::kAgentRestarted);
}

TEST_F(AgentTest, Launch_OfMoreSlotsThanGpus_SharesThem) {
  gpus_ = {"3", "5"};
  ASSERT_TRUE(begin_life().ok());
  for (std::uint64_t job = 1; job <= 3; ++job) coordinator_->order(launch(job));
  step();
  const auto devices = [&](int pid) {
    return processes_.processes.at(pid).environment.at("CUDA_VISIBLE_DEVICES");
  };
  EXPECT_EQ(devices(101), "3");
  EXPECT_EQ(devices(102), "3");
  EXPECT_EQ(devices(103), "5");
  coordinator_->order(launch(4));
  step();
  EXPECT_EQ(devices(104), "5");
}

TEST_F(AgentTest, RankEvent_SentTwice_IsTakenOnceAndAcknowledgedTwice) {
  coordinator_->order(launch(1));
  step();
  say_hello(1, 101);
  const CheckpointCommitted committed{
      JobId{1}, Attempt{1}, {.step = 7, .path = "/c", .digest = "d"}};
  say(1, committed);
  step();
  say(1, committed);
  step();
  EXPECT_THAT(events_of<CheckpointCommitted>(), SizeIs(1));
  std::vector<std::uint64_t> acknowledged;
  for (const Frame& frame : ranks_->take_sent(peer_of(1))) {
    acknowledged.push_back(std::get<RankAck>(decode_to_rank(frame.body).value()).messages);
  }
  EXPECT_THAT(acknowledged, ElementsAre(1u, 1u));
}

TEST_F(AgentTest, Stop_SaveAndLeave_IsToldToRanksThatSayHelloLater) {
  coordinator_->order(launch(1));
  step();
  coordinator_->order(stop(1, StopMode::kSaveAndLeave));
  step();
  say_hello(1, 101);
  step();
  const auto frames = ranks_->take_sent(peer_of(1));
  ASSERT_THAT(frames, SizeIs(1));
  EXPECT_EQ(std::get<SaveAndLeave>(decode_to_rank(frames[0].body).value()).reason,
            "the test says so");
}

TEST_F(AgentTest, Process_LeftByItsLauncher_HoldsTheEndBackUntilItIsGone) {
  coordinator_->order(launch(1));
  step();
  const int left = processes_.add("mark-1-1.");
  processes_.unkillable.insert(left);
  say_hello(1, 101);
  finish(1, 101);
  step(20);
  EXPECT_THAT(events_of<AttemptEnded>(), IsEmpty());
  processes_.end(left, {.code = 0, .signal = 9});
  step(20);
  EXPECT_THAT(events_of<AttemptEnded>(), SizeIs(1));
}

TEST_F(AgentTest, Shutdown_WithGang_WithdrawsSlotsSavesAndFinishesWhenAcknowledged) {
  coordinator_->order(launch(1));
  step();
  say_hello(1, 101);
  coordinator_->order(AgentShutdown{"pool ends"});
  step();
  EXPECT_EQ(sent<AgentHello>().back().slots, 0);
  EXPECT_FALSE(agent_->finished());
  coordinator_->order(launch(2));
  finish(1, 101, 75);
  step();
  ASSERT_THAT(events_of<AttemptEnded>(), SizeIs(2));
  EXPECT_THAT(events_of<AttemptEnded>()[0].message, HasSubstr("shutting down (pool ends)"));
  EXPECT_EQ(events_of<AttemptEnded>()[1].outcome, Outcome::kSavedAndLeft);
  EXPECT_FALSE(agent_->finished());
  coordinator_->order(AckEvents{events().rbegin()->first});
  step();
  EXPECT_TRUE(agent_->finished());
  EXPECT_THAT(processes_.starts, SizeIs(1));
}

TEST_F(AgentTest, Shutdown_OfAGangThatDoesNotLeave_KillsIt) {
  coordinator_->order(launch(1));
  step();
  agent_->request_shutdown("signal 15");
  clock_.advance_ms(limits::kSaveAndLeaveMsMax);
  step();
  clock_.advance_ms(kFarewellGraceMs);
  step();
  ASSERT_THAT(events_of<AttemptEnded>(), SizeIs(1));
  EXPECT_EQ(events_of<AttemptEnded>()[0].outcome, Outcome::kKilledOnRequest);
}

TEST_F(AgentTest, Restart_WithAGang_KillsWhatIsLeftAndTellsItsEnd) {
  coordinator_->order(launch(1));
  step();
  const int rank = processes_.add("mark-1-1.");
  const int stranger = processes_.add("other-1-1.");
  ASSERT_TRUE(begin_life().ok());
  EXPECT_TRUE(processes_.processes.at(101).exit.has_value());
  EXPECT_TRUE(processes_.processes.at(rank).exit.has_value());
  EXPECT_FALSE(processes_.processes.at(stranger).exit.has_value());
  step();
  ASSERT_THAT(sent<AgentHello>()[0].known_attempts, SizeIs(1));
  ASSERT_THAT(events_of<AttemptEnded>(), SizeIs(1));
  EXPECT_EQ(events_of<AttemptEnded>()[0].outcome, Outcome::kAgentRestarted);
  ASSERT_TRUE(begin_life().ok());
  step();
  EXPECT_THAT(events_of<AttemptEnded>(), SizeIs(1)) << "told again under another number";
}

TEST_F(AgentTest, Restart_WithAProcessThatCannotBeKilled_IsRefused) {
  processes_.unkillable.insert(processes_.add("mark-1-1."));
  const Status refused = begin_life();
  EXPECT_EQ(refused.code(), ErrorCode::kTimeout);
  EXPECT_THAT(refused.message(), HasSubstr("process 101 did not end"));
}

TEST_F(AgentTest, Events_Unacknowledged_AreSentAgainFromTheOldest) {
  coordinator_->order(launch(1));
  step(10);
  EXPECT_THAT(events_of<AttemptStarted>(), SizeIs(1));
  coordinator_->sent.clear();
  clock_.advance_ms(1'000);
  step(1);
  ASSERT_THAT(sent<AgentEvents>(), SizeIs(1));
  EXPECT_EQ(sent<AgentEvents>()[0].events.front().sequence, 1u);
  coordinator_->order(AckEvents{1});
  step();
  coordinator_->sent.clear();
  clock_.advance_ms(1'000);
  step();
  EXPECT_THAT(sent<AgentEvents>(), IsEmpty());
}

/// A socket that has a descriptor: the agent waits in one poll, unless something is there already.
class QuietCoordinator final : public ClientSocket {
 public:
  Status send(const Frame&) override { return ok_status(); }
  Result<std::optional<Frame>> receive(std::int64_t) override { return std::optional<Frame>(); }
  int wait_fd() const override { return 41; }
  bool ready() override { return is_ready; }
  bool is_ready = false;
};
class QuietRanks final : public ServerSocket {
 public:
  std::string endpoint() const override { return ""; }
  Result<std::optional<IncomingFrame>> receive(std::int64_t) override {
    return std::optional<IncomingFrame>();
  }
  Status send(const std::string&, const Frame&) override { return ok_status(); }
  int wait_fd() const override { return 42; }
  bool ready() override { return is_ready; }
  bool is_ready = false;
};

TEST(AgentWaitTest, Step_WithQuietSockets_WaitsATickAndNotWhenOneIsReady) {
  tagalign::testing::TemporaryFolder folder;
  QuietCoordinator coordinator;
  QuietRanks ranks;
  FakeProcesses processes;
  ManualClock clock;
  const auto agent = Agent::create({.identity = {},
                                    .gpus = {},
                                    .folder = folder.path(),
                                    .environment = {},
                                    .coordinator = coordinator,
                                    .ranks = ranks,
                                    .processes = processes,
                                    .files = posix_file_system(),
                                    .clock = clock});
  ASSERT_TRUE(agent.ok()) << agent.status().to_string();
  (*agent)->step();
  EXPECT_EQ(processes.last_timeout_ms, Agent::kTickMs);
  EXPECT_THAT(processes.wakers, ElementsAre(41, 42));
  coordinator.is_ready = true;
  (*agent)->step();
  EXPECT_EQ(processes.last_timeout_ms, 0);
  coordinator.is_ready = false;
  ranks.is_ready = true;
  (*agent)->step();
  EXPECT_EQ(processes.last_timeout_ms, 0);
}

}  // namespace
}  // namespace tagalign::agent
