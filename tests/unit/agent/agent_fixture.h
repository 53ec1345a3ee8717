/// The real agent over fake sockets, processes and clock, on the machine's files or on those that
/// a test makes fail.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <deque>
#include <map>
#include <memory>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "coordinator/wire/codec.h"
#include "tests/support/fake_transport.h"
#include "tests/unit/agent/temporary_folder.h"
#include "worker/agent/agent.h"

namespace tagalign::agent {

/// The coordinator's end is the test's.
class FakeCoordinator final : public wire::ClientSocket {
 public:
  Status send(const wire::Frame& frame) override {
    sent.push_back(wire::decode_from_agent(frame.body).value());
    return ok_status();
  }
  Result<std::optional<wire::Frame>> receive(std::int64_t) override {
    if (orders_.empty()) return std::optional<wire::Frame>();
    std::optional<wire::Frame> frame = wire::make_frame(orders_.front());
    orders_.pop_front();
    return frame;
  }

  void order(wire::ToAgent message) { orders_.push_back(std::move(message)); }

  std::vector<wire::FromAgent> sent;

 private:
  std::deque<wire::ToAgent> orders_;
};

/// Processes that live until a test or a signal ends them.
class FakeProcesses final : public ProcessHost {
 public:
  struct Process {
    std::string mark;
    std::map<std::string, std::string> environment;
    std::optional<ExitStatus> exit;
  };

  Result<ProcessName> start(const ProcessOptions& options) override {
    const int pid = ++newest_pid;
    processes[pid] = {options.environment.at("TAGALIGN_GANG"), options.environment, {}};
    starts.push_back(processes[pid].mark);
    return ProcessName{pid, 1};
  }
  std::optional<ExitStatus> reap(int pid) override { return processes.at(pid).exit; }
  void signal_process(int pid, int signal) override {
    const auto found = processes.find(pid);
    if (signal == SIGCONT) return;
    if (found != processes.end() && !unkillable.contains(pid))
      end(pid, {.code = 0, .signal = signal});
  }
  void signal_group(const ProcessName& leader, int signal) override {
    signal_process(leader.pid, signal);
  }
  std::vector<int> marked(const std::string& mark) override {
    ++scans;
    std::vector<int> pids;
    for (const auto& [pid, process] : processes) {
      if (!process.exit && process.mark.starts_with(mark)) pids.push_back(pid);
    }
    return pids;
  }
  void watch(int pid) override { watched_.insert(pid); }
  void wake_on(const std::vector<int>& descriptors) override { wakers = descriptors; }
  std::vector<int> wait(int timeout_ms) override {
    last_timeout_ms = timeout_ms;
    std::vector<int> gone;
    for (const int pid : watched_) {
      if (!processes.contains(pid) || processes.at(pid).exit) gone.push_back(pid);
    }
    for (const int pid : gone) watched_.erase(pid);
    return gone;
  }

  void end(int pid, ExitStatus exit) {
    if (!processes.at(pid).exit) processes.at(pid).exit = exit;
  }
  /// The living processes of a mark leave.
  void end_marked(const std::string& mark) {
    for (const int pid : marked(mark)) end(pid, {});
  }
  /// Adds a process of a gang that the agent did not start itself.
  int add(const std::string& mark) {
    processes[++newest_pid] = {mark, {}, {}};
    return newest_pid;
  }

  std::map<int, Process> processes;
  std::vector<std::string> starts;  ///< marks
  std::set<int> unkillable;
  int newest_pid = 100;
  int scans = 0;
  int last_timeout_ms = -1;
  std::vector<int> wakers;

 private:
  std::set<int> watched_;
};

class AgentFixture : public ::testing::Test {
 protected:
  /// A new life on the same folder.
  Status begin_life(FileSystem& files = posix_file_system()) {
    agent_.reset();
    coordinator_ = std::make_unique<FakeCoordinator>();
    ranks_ = std::make_unique<wire::FakeServerSocket>();
    auto agent = Agent::create({.identity = {.agent = AgentId{"a"},
                                             .incarnation = "1",
                                             .host = "h",
                                             .slots = 4,
                                             .gpus = static_cast<int>(gpus_.size()),
                                             .pid = 1,
                                             .known_attempts = {},
                                             .first_unacknowledged = 0},
                                .gpus = gpus_,
                                .folder = folder_->path() / "agent",
                                .environment = {.mpirun = "mpirun",
                                                .worker = "/bin/true",
                                                .socket = "/s",
                                                .agent_mark = "mark",
                                                .coordinator = "c",
                                                .as_root = false,
                                                .scratch = {},
                                                .common_scratch = folder_->path() / "common",
                                                .interface = {},
                                                .gpus = {}},
                                .coordinator = *coordinator_,
                                .ranks = *ranks_,
                                .processes = processes_,
                                .files = files,
                                .clock = clock_});
    if (!agent.ok()) return agent.status();
    agent_ = std::move(agent).value();
    return ok_status();
  }

  void step(int rounds = 3) {
    for (int round = 0; round < rounds; ++round) {
      agent_->step();
      clock_.advance_ms(10);
    }
  }

  wire::Launch launch(std::uint64_t job, std::uint32_t attempt = 1) const {
    return {.job = JobId{job},
            .attempt = Attempt{attempt},
            .job_name = "job" + std::to_string(job),
            .kind = "train",
            .ranks = 1,
            .slots_per_rank = 1,
            .workspace = (folder_->path() / "work").string(),
            .config_yaml = "x",
            .overrides = {},
            .launcher = wire::GangLauncher::kMpirun,
            .shares = {{AgentId{"a"}, 0, {static_cast<int>((job - 1) % 4)}}},
            .places = {{}}};
  }
  /// The whole of `launch` on this agent, from that slot on.
  static wire::Launch on_slots(wire::Launch launch, int first) {
    std::vector<int> slots(static_cast<std::size_t>(launch.ranks * launch.slots_per_rank));
    std::iota(slots.begin(), slots.end(), first);
    launch.shares = {{AgentId{"a"}, 0, slots}};
    return launch;
  }
  static wire::StopAttempt stop(std::uint64_t job, wire::StopMode mode, std::uint32_t attempt = 1) {
    return {JobId{job}, Attempt{attempt}, mode, "the test says so"};
  }
  static std::string peer_of(std::uint64_t job) { return "peer" + std::to_string(job); }

  void say(std::uint64_t job, const wire::FromRank& message) {
    ranks_->put(peer_of(job), wire::PeerRole::kRank, wire::make_frame(message));
  }
  void say_hello(std::uint64_t job, int pid) {
    say(job, wire::RankHello{JobId{job}, Attempt{1}, 0, pid, "cpu"});
  }
  /// The only rank leaves, and its launcher with it.
  void finish(std::uint64_t job, int launcher, int code = 0) {
    say(job, wire::RankFarewell{JobId{job}, Attempt{1}, 0, code, "", 5});
    processes_.end(launcher, {.code = code, .signal = 0});
  }

  /// Numbers that a rank was told to be held since this was last asked.
  std::vector<std::uint64_t> acknowledged(std::uint64_t job) {
    std::vector<std::uint64_t> numbers;
    for (const wire::Frame& frame : ranks_->take_sent(peer_of(job))) {
      const auto message = wire::decode_to_rank(frame.body).value();
      if (const auto* ack = std::get_if<wire::RankAck>(&message)) numbers.push_back(ack->messages);
    }
    return numbers;
  }

  template <class Message>
  std::vector<Message> sent() const {
    std::vector<Message> found;
    for (const auto& message : coordinator_->sent) {
      if (const auto* match = std::get_if<Message>(&message)) found.push_back(*match);
    }
    return found;
  }
  /// By sequence: what was sent again is there once.
  std::map<std::uint64_t, wire::AgentEvent> events() const {
    std::map<std::uint64_t, wire::AgentEvent> events;
    for (const auto& message : sent<wire::AgentEvents>()) {
      for (const auto& sequenced : message.events)
        events.emplace(sequenced.sequence, sequenced.event);
    }
    return events;
  }
  template <class Event>
  std::vector<Event> events_of() const {
    std::vector<Event> found;
    for (const auto& [sequence, event] : events()) {
      if (const auto* match = std::get_if<Event>(&event)) found.push_back(*match);
    }
    return found;
  }

  std::unique_ptr<tagalign::testing::TemporaryFolder> folder_ =
      std::make_unique<tagalign::testing::TemporaryFolder>();
  ManualClock clock_;
  FakeProcesses processes_;
  std::vector<std::string> gpus_;
  std::unique_ptr<FakeCoordinator> coordinator_;
  std::unique_ptr<wire::FakeServerSocket> ranks_;
  std::unique_ptr<Agent> agent_;
};

}  // namespace tagalign::agent
