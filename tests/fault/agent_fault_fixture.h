/// A real agent process, real mpirun and real ranks; the test is the coordinator and kills.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <fstream>
#include <map>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/process.h"
#include "coordinator/keys/state_folder.h"
#include "coordinator/wire/codec.h"
#include "tests/unit/agent/temporary_folder.h"

namespace tagalign {

using namespace wire;
/// Of a test with its gangs; the longest that one waits for itself is the silence of a rank.
inline constexpr std::int64_t kPatienceMs = 60'000;

inline bool lives(int pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text((std::istreambuf_iterator<char>(file)), {});
  const auto after_name = text.rfind(") ");
  return after_name != std::string::npos && text[after_name + 2] != 'Z';
}

/// A variable of a living process; empty without it.
inline std::string variable_of(int pid, const std::string& name) {
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
              std::uint64_t job = 1, Patience patience = {}) {
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
                .places = {{}},
                .patience = patience});
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

}  // namespace tagalign
