// A real agent process, real mpirun and real ranks; the test is the coordinator and
// kills what it likes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <fstream>
#include <map>
#include <numeric>

#include "base/clock.h"
#include "base/process.h"
#include "coordinator/keys/state_folder.h"
#include "coordinator/wire/codec.h"
#include "tests/unit/agent/temporary_folder.h"

namespace tagalign {
namespace {

using namespace wire;
using ::testing::HasSubstr;

constexpr std::int64_t kPatienceMs = 30'000;

bool lives(int pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text((std::istreambuf_iterator<char>(file)), {});
  const auto after_name = text.rfind(") ");
  return after_name != std::string::npos && text[after_name + 2] != 'Z';
}

/// A variable of a living process; empty without it.
std::string variable_of(int pid, const std::string& name) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/environ");
  for (std::string entry; std::getline(file, entry, '\0');) {
    if (entry.starts_with(name + "=")) return entry.substr(name.size() + 1);
  }
  return "";
}

class AgentFaultTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(create_state_folder(state_).ok());
    listen("tcp://127.0.0.1:*");
    std::ofstream(state_ / "endpoint") << server_->endpoint() << "\n";
    start_agent();
  }

  void TearDown() override {
    if (agent_pid_ > 0) end_agent(SIGKILL);
    EXPECT_TRUE(eventually([&] { return !any_rank_lives(); })) << "ranks outlived their agent";
  }

  void listen(const std::string& endpoint) {
    const KeyPair keys = load_server_credentials(state_).value();
    server_ = listen_curve({endpoint, keys, StateFolder(state_).allowed()}).value();
  }

  void start_agent(const std::string& mpirun = "mpirun", const std::string& gpus = "0") {
    const Path here = self_executable().parent_path();
    agent_pid_ = start_process({.command = {(here / "agent_program").string(), state_.string(),
                                            (here / "rank_program").string(), mpirun, gpus},
                                .environment = {{"CUDA_VISIBLE_DEVICES", "7"}},
                                .stderr_file = folder_.path() / "agent.err"})
                     .value();
  }

  void end_agent(int signal) {
    ::kill(agent_pid_, signal);
    int status = 0;
    ::waitpid(agent_pid_, &status, 0);
    agent_exit_ = decode_exit_status(status);
    agent_pid_ = 0;
  }

  void send(const ToAgent& message) { ASSERT_TRUE(server_->send(peer_, make_frame(message)).ok()); }

  void launch(const std::string& behaviour, std::uint32_t attempt = 1, int ranks = 2,
              std::uint64_t job = 1) {
    std::vector<int> slots(static_cast<std::size_t>(ranks));
    std::iota(slots.begin(), slots.end(), static_cast<int>(job) - 1);
    send(Launch{.job = JobId{job},
                .attempt = Attempt{attempt},
                .job_name = "job",
                .kind = "train",
                .ranks = ranks,
                .slots_per_rank = 1,
                .workspace = folder_.path().string(),
                .config_yaml = behaviour,
                .overrides = {},
                .launcher = GangLauncher::kMpirun,
                .shares = {{AgentId{"node1"}, 0, slots}},
                .places = {{}}});
  }

  /// Takes messages until `done`, acknowledging events as a coordinator does.
  template <class Predicate>
  bool eventually(Predicate done) {
    const MonotonicMs begin = system_clock().monotonic_ms();
    while (!done()) {
      if (system_clock().monotonic_ms() - begin > kPatienceMs) return false;
      if (!server_) {
        system_clock().sleep_ms(10);
        continue;
      }
      const auto incoming = server_->receive(10);
      if (!incoming.ok() || !incoming->has_value()) continue;
      peer_ = (*incoming)->peer;
      take(decode_from_agent((*incoming)->frame.body).value());
    }
    return true;
  }

  void take(const FromAgent& message) {
    if (const auto* hello = std::get_if<AgentHello>(&message)) hellos_.push_back(*hello);
    if (const auto* beat = std::get_if<AgentHeartbeat>(&message)) {
      if (say_hello_) (void)server_->send(peer_, make_frame(ToAgent{SayHello{}}));
      say_hello_ = false;
      for (const RankHello& rank : beat->ranks) pids_[rank.rank] = rank.pid;
      running_ranks_ = beat->beats.size();
    }
    const auto* events = std::get_if<AgentEvents>(&message);
    if (events == nullptr) return;
    for (const SequencedEvent& event : events->events) events_[event.sequence] = event.event;
    if (acknowledge_)
      (void)server_->send(peer_, make_frame(ToAgent{AckEvents{events_.rbegin()->first}}));
  }

  bool any_rank_lives() const {
    return std::ranges::any_of(pids_, [](const auto& entry) { return lives(entry.second); });
  }
  void wait_for_hello() {
    const std::size_t before = hellos_.size();
    ASSERT_TRUE(eventually([&] { return hellos_.size() > before; }));
  }
  void wait_for_ranks(std::size_t ranks = 2) {
    ASSERT_TRUE(eventually([&] { return running_ranks_ == ranks; }));
  }
  std::vector<AttemptEnded> ends() const {
    std::vector<AttemptEnded> ends;
    for (const auto& [sequence, event] : events_) {
      if (const auto* ended = std::get_if<AttemptEnded>(&event)) ends.push_back(*ended);
    }
    return ends;
  }
  template <class Event>
  std::size_t count() const {
    return static_cast<std::size_t>(std::ranges::count_if(
        events_, [](const auto& entry) { return std::holds_alternative<Event>(entry.second); }));
  }
  AttemptEnded wait_for_end(std::size_t number = 1) {
    EXPECT_TRUE(eventually([&] { return ends().size() >= number; }));
    return ends().size() >= number ? ends()[number - 1] : AttemptEnded{};
  }

  testing::TemporaryFolder folder_;
  Path state_ = folder_.path() / "state";
  std::unique_ptr<ServerSocket> server_;
  std::string peer_;
  pid_t agent_pid_ = 0;
  ExitStatus agent_exit_;
  bool acknowledge_ = true;
  bool say_hello_ = false;
  std::vector<AgentHello> hellos_;
  std::map<std::uint64_t, AgentEvent> events_;
  std::map<int, int> pids_;
  std::size_t running_ranks_ = 0;
};

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
