// A real agent process, real mpirun and real ranks; the test is the coordinator and
// kills what it likes.
#include "tests/fault/agent_fault_fixture.h"

namespace tagalign {
namespace {

using ::testing::HasSubstr;

TEST_F(AgentFaultTest, Gang_RunsToItsEnd_ReportsStartCheckpointAndSuccess) {
  wait_for_hello();
  launch("checkpoint exit 0");
  const AttemptEnded ended = wait_for_end();
  EXPECT_EQ(ended.outcome, Outcome::kSucceeded) << ended.message;
  EXPECT_EQ(count<AttemptStarted>(), 1u);
  EXPECT_EQ(count<CheckpointCommitted>(), 1u);
}

TEST_F(AgentFaultTest, Event_SaidTwice_IsTakenOnceAndHoldsNothingUp) {
  wait_for_hello();
  launch("checkpoint checkpoint exit 0");
  const AttemptEnded ended = wait_for_end();
  EXPECT_EQ(ended.outcome, Outcome::kSucceeded) << ended.message;
  EXPECT_EQ(count<CheckpointCommitted>(), 1u);
}

TEST_F(AgentFaultTest, Rank_KilledBySignal9_IsToldWithinASecondAndTheGangEnds) {
  wait_for_hello();
  launch("run");
  wait_for_ranks();
  const MonotonicMs killed_ms = system_clock().monotonic_ms();
  ::kill(pids_.at(1), SIGKILL);
  ASSERT_TRUE(eventually([&] { return count<RankNotice>() == 1; }));
  EXPECT_LT(system_clock().monotonic_ms() - killed_ms, 1'000) << "noticed too late";
  const AttemptEnded ended = wait_for_end();
  EXPECT_EQ(ended.outcome, Outcome::kRankKilled);
  EXPECT_EQ(ended.failed_rank, 1);
  EXPECT_THAT(ended.message, HasSubstr(std::to_string(pids_.at(1))));
  EXPECT_GT(ended.last_step, 0u);
  EXPECT_FALSE(any_rank_lives()) << "an end was reported while a rank was alive";
}

TEST_F(AgentFaultTest, Rank_FailsByItself_IsReportedWithItsReason) {
  wait_for_hello();
  launch("fail");
  const AttemptEnded ended = wait_for_end();
  EXPECT_EQ(ended.outcome, Outcome::kFailed);
  EXPECT_EQ(ended.exit_code, 3);
  EXPECT_EQ(ended.message, "rank 1: the loss is not a number");
}

TEST_F(AgentFaultTest, Stop_SaveAndLeave_EveryRankHearsIt) {
  wait_for_hello();
  launch("run");
  wait_for_ranks();
  send(StopAttempt{JobId{1}, Attempt{1}, StopMode::kSaveAndLeave, "make room"});
  EXPECT_EQ(wait_for_end().outcome, Outcome::kSavedAndLeft);
}

TEST_F(AgentFaultTest, Stop_Kill_LeavesNoProcess) {
  wait_for_hello();
  launch("run");
  wait_for_ranks();
  send(StopAttempt{JobId{1}, Attempt{1}, StopMode::kKill, "cancelled"});
  EXPECT_EQ(wait_for_end().outcome, Outcome::kKilledOnRequest);
  EXPECT_FALSE(any_rank_lives());
}

TEST_F(AgentFaultTest, Launch_Twice_RunsOnce) {
  wait_for_hello();
  launch("exit 0");
  launch("exit 0");
  wait_for_end();
  launch("exit 0");
  launch("exit 0", 2);
  wait_for_end(2);
  EXPECT_EQ(count<AttemptStarted>(), 2u);
  EXPECT_EQ(ends().size(), 2u);
}

TEST_F(AgentFaultTest, Launch_WhileAnOlderAttemptEnds_WaitsForItsEnd) {
  wait_for_hello();
  launch("run");
  wait_for_ranks();
  launch("exit 0", 2);
  const AttemptEnded older = wait_for_end();
  EXPECT_EQ(older.attempt, Attempt{1});
  EXPECT_EQ(older.outcome, Outcome::kKilledOnRequest);
  EXPECT_THAT(older.message, HasSubstr("attempt 2 takes its place"));
  EXPECT_FALSE(any_rank_lives());
  launch("exit 0", 2);  // a coordinator sends it until it is answered
  EXPECT_EQ(wait_for_end(2).attempt, Attempt{2});
  EXPECT_EQ(ends()[1].outcome, Outcome::kSucceeded);
}

TEST_F(AgentFaultTest, Launch_OfSlotsThatShareAGpu_SeesIt) {
  wait_for_hello();
  end_agent(SIGKILL);
  start_agent("mpirun", "1");
  wait_for_hello();
  launch("run", 1, 1);
  wait_for_ranks(1);
  const int holder = pids_.at(0);
  EXPECT_EQ(variable_of(holder, "CUDA_VISIBLE_DEVICES"), "7");
  launch("run", 1, 1, 2);
  wait_for_ranks(2);
  ASSERT_NE(pids_.at(0), holder);
  EXPECT_EQ(variable_of(pids_.at(0), "CUDA_VISIBLE_DEVICES"), "7");
}

TEST_F(AgentFaultTest, Agent_Killed_GangDiesAndTheNextLifeReportsIt) {
  wait_for_hello();
  launch("run");
  wait_for_ranks();
  const Path scratch = variable_of(pids_.at(0), "OMPI_MCA_orte_tmpdir_base");
  EXPECT_FALSE(scratch.empty());
  EXPECT_FALSE(std::filesystem::is_empty(scratch)) << "mpirun keeps its session elsewhere";
  end_agent(SIGKILL);
  const MonotonicMs killed_ms = system_clock().monotonic_ms();
  EXPECT_TRUE(eventually([&] { return !any_rank_lives(); }));
  RecordProperty("gang_dead_ms", static_cast<int>(system_clock().monotonic_ms() - killed_ms));
  start_agent();
  wait_for_hello();
  ASSERT_EQ(hellos_.back().known_attempts.size(), 1u);
  EXPECT_NE(hellos_.back().incarnation, hellos_.front().incarnation);
  const AttemptEnded ended = wait_for_end();
  EXPECT_EQ(ended.outcome, Outcome::kAgentRestarted);
  EXPECT_FALSE(std::filesystem::exists(scratch)) << "a killed gang's shared memory stays for ever";
  launch("run");
  launch("exit 0", 2);
  EXPECT_EQ(wait_for_end(2).attempt, Attempt{2});
  EXPECT_EQ(count<AttemptStarted>(), 2u);
}

TEST_F(AgentFaultTest, Coordinator_Away_GangRunsOnAndEventsArriveLater) {
  wait_for_hello();
  acknowledge_ = false;
  launch("run");
  wait_for_ranks();
  const std::string endpoint = server_->endpoint();
  server_.reset();
  ::kill(pids_.at(0), SIGKILL);
  EXPECT_TRUE(eventually([&] { return !any_rank_lives(); }));
  events_.clear();
  say_hello_ = true;
  listen(endpoint);
  wait_for_hello();
  EXPECT_EQ(hellos_.back().known_attempts.size(), 1u) << "its end was not acknowledged";
  acknowledge_ = true;
  EXPECT_EQ(wait_for_end().outcome, Outcome::kRankKilled);
  EXPECT_EQ(count<AttemptStarted>(), 1u);
}

TEST_F(AgentFaultTest, Coordinator_ComesBackElsewhere_IsFound) {
  wait_for_hello();
  launch("run");
  wait_for_ranks();
  const std::string before = server_->endpoint();
  const auto old = std::exchange(server_, nullptr);  // holds its port
  listen("tcp://127.0.0.1:*");
  ASSERT_NE(server_->endpoint(), before);
  std::ofstream(state_ / "endpoint") << server_->endpoint() << "\n";
  running_ranks_ = 0;
  wait_for_ranks();
  send(StopAttempt{JobId{1}, Attempt{1}, StopMode::kSaveAndLeave, "enough"});
  EXPECT_EQ(wait_for_end().outcome, Outcome::kSavedAndLeft);
}

TEST_F(AgentFaultTest, Mpirun_Missing_SaysWhatToInstall) {
  wait_for_hello();
  end_agent(SIGKILL);
  start_agent("no-such-mpirun");
  wait_for_hello();
  launch("exit 0");
  const AttemptEnded ended = wait_for_end();
  EXPECT_EQ(ended.outcome, Outcome::kLaunchFailed);
  EXPECT_EQ(ended.message,
            "no-such-mpirun was not found on PATH: install openmpi-bin, or give --mpirun FILE");
}

TEST_F(AgentFaultTest, Agent_SecondOnTheSameFolder_IsRefused) {
  wait_for_hello();
  const Path here = self_executable().parent_path();
  const auto second = run_command(
      {(here / "agent_program").string(), state_.string(), "/bin/true", "mpirun", "0"}, 20'000);
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(second->exit.code, 2);
  EXPECT_THAT(second->output, HasSubstr("another agent holds this folder"));
}

TEST_F(AgentFaultTest, Shutdown_WithGang_SavesDeliversAndExits) {
  wait_for_hello();
  launch("run");
  wait_for_ranks();
  send(AgentShutdown{"pool ends"});
  EXPECT_EQ(wait_for_end().outcome, Outcome::kSavedAndLeft);
  EXPECT_EQ(hellos_.front().slots, 4);
  EXPECT_EQ(hellos_.back().slots, 0) << "queued jobs would be launched here and refused";
  ASSERT_TRUE(eventually([&] { return !lives(agent_pid_); }));
  end_agent(0);
  EXPECT_TRUE(agent_exit_.ok()) << agent_exit_.to_string();
}

}  // namespace
}  // namespace tagalign
