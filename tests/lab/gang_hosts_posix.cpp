#include "tests/lab/gang_hosts.h"

#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

#include "base/clock.h"
#include "base/format.h"

namespace tagalign::lab {
namespace {

constexpr std::int64_t kPatienceMs = 25'000;
constexpr std::int64_t kLookMs = 5;

/// Between two hosts that share a kernel: Open MPI's shared memory must not find the other one.
const std::map<std::string, std::string> kMpi = {{"OMPI_MCA_btl", "self,tcp"}};

std::string slurp(const Path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

void GangHosts::SetUp() {
  const Status available = HostNetwork::available();
  if (!available.ok()) GTEST_SKIP() << available.message();
}

void GangHosts::TearDown() {
  for (const auto& [host, pid] : agents_) ::kill(pid, SIGCONT);
  if (!HasFailure() || !network_) return;
  for (const auto& [host, pid] : agents_) {
    std::cerr << format("--- agent of {}\n{}", HostNetwork::name(host),
                        tail(folder() / (HostNetwork::name(host) + ".log")));
  }
  std::cerr << tagalign({"job", "show", "1"});
}

void GangHosts::start(int hosts, int slots) {
  slots_ = slots;
  const Path network = folder() / "network";
  ASSERT_TRUE(posix_file_system().create_directories(network).ok());
  ASSERT_TRUE(posix_file_system().create_directories(folder() / "work").ok());
  auto started = HostNetwork::start(network, hosts);
  ASSERT_TRUE(started.ok()) << started.status().message();
  network_ = std::move(started).value();
  start_coordinator();
  for (int host = 2; host <= hosts; ++host) start_agent(host);
  ASSERT_TRUE(eventually(
      [&] {
        const std::string nodes = tagalign({"--output", "json", "nodes"});
        for (int host = 2; host <= hosts; ++host) {
          const std::string name = format("\"agent\":\"{}\"", HostNetwork::name(host));
          if (nodes.find(name) == std::string::npos) return false;
        }
        return true;
      },
      kPatienceMs));
}

std::vector<std::string> GangHosts::command(const std::vector<std::string>& arguments) const {
  std::vector<std::string> words = {std::string(std::getenv("TAGALIGN_BIN")) + "/tagalign",
                                    "--state", (folder() / "state").string()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return words;
}

void GangHosts::start_coordinator() {
  const Path endpoint = folder() / "state" / "endpoint";
  std::filesystem::remove(endpoint);
  const std::string listen = format("tcp://{}:*", HostNetwork::address(1));
  const auto started = network_->host(1).start_process(
      {.command = command({"coordinator", "run", "--pool", "none", "--listen", listen}),
       .stdout_file = folder() / "coordinator.log",
       .stderr_file = folder() / "coordinator.log"});
  ASSERT_TRUE(started.ok()) << started.status().message();
  coordinator_ = *started;
  ASSERT_TRUE(eventually([&] { return std::filesystem::exists(endpoint); }, kPatienceMs));
}

void GangHosts::kill_coordinator() {
  const auto inside = pid_inside(coordinator_);
  ASSERT_TRUE(inside.ok()) << inside.status().message();
  ASSERT_EQ(::kill(*inside, SIGKILL), 0);
  EXPECT_TRUE(wait_for_exit(coordinator_, kPatienceMs).has_value());
}

void GangHosts::start_agent(int host) {
  const std::string name = HostNetwork::name(host);
  const auto started = network_->host(host).start_process(
      {.command = command({"agent", "--id", name, "--slots", std::to_string(slots_), "--worker",
                           (test_programs() / "rank_program").string()}),
       .environment = kMpi,
       .stdout_file = folder() / (name + ".log"),
       .stderr_file = folder() / (name + ".log")});
  ASSERT_TRUE(started.ok()) << started.status().message();
  agents_[host] = *started;
}

pid_t GangHosts::agent_process(int host) const {
  const auto inside = pid_inside(agents_.at(host));
  EXPECT_TRUE(inside.ok()) << inside.status().message();
  return inside.ok() ? *inside : 0;
}

void GangHosts::stop_agent(int host) {
  ASSERT_EQ(::kill(agent_process(host), SIGSTOP), 0);
}

/// What entered the container stands still together with the agent.
void GangHosts::continue_agent(int host) {
  ASSERT_EQ(::kill(agents_.at(host), SIGCONT), 0);
  ASSERT_EQ(::kill(agent_process(host), SIGCONT), 0);
}

std::string GangHosts::tagalign(const std::vector<std::string>& arguments) {
  const auto output = network_->host(1).run(command(arguments), kPatienceMs);
  return output.ok() ? output->output : output.status().message();
}

void GangHosts::submit_endless(int ranks) {
  tagalign({"submit", write_endless_workflow(folder(), ranks).string()});
}

std::vector<GangProcess> GangHosts::processes() const {
  return gang_processes(folder());
}

std::vector<GangProcess> GangHosts::processes_of(std::uint32_t attempt) const {
  std::vector<GangProcess> found = processes();
  std::erase_if(found, [&](const GangProcess& one) { return one.attempt != attempt; });
  return found;
}

pid_t GangHosts::process(const std::function<bool(const GangProcess&)>& wanted) const {
  for (const GangProcess& one : processes()) {
    if (wanted(one)) return one.pid;
  }
  ADD_FAILURE() << "no such process";
  return 0;
}

pid_t GangHosts::rank(int number) const {
  return process([&](const GangProcess& one) { return one.rank == number; });
}

std::uint32_t GangHosts::wait_for_ranks(int ranks, std::uint32_t at_least) {
  std::uint32_t attempt = 0;
  const auto all_run = [&] {
    std::map<std::uint32_t, int> running;
    for (const GangProcess& one : processes()) {
      if (one.rank >= 0 && one.program == "rank_program") ++running[one.attempt];
    }
    attempt = running.empty() ? 0 : running.rbegin()->first;
    return attempt >= at_least && running.rbegin()->second == ranks;
  };
  EXPECT_TRUE(eventually(all_run, kPatienceMs)) << ranks << " ranks never ran";
  const auto all_known = [&] {
    const std::string shown = tagalign({"job", "show", "1"});
    for (int rank = 0; rank < ranks; ++rank) {
      if (shown.find(format("rank {} pid", rank)) == std::string::npos) return false;
    }
    return true;
  };
  EXPECT_TRUE(eventually(all_known, kPatienceMs)) << ranks << " ranks never said hello";
  return attempt;
}

void GangHosts::wait_until_gone(std::uint32_t attempt, std::int64_t patience_ms) {
  EXPECT_TRUE(eventually([&] { return processes_of(attempt).empty(); }, patience_ms))
      << "attempt " << attempt << " lives after " << patience_ms << " ms";
}

bool GangHosts::eventually(const std::function<bool()>& reached, std::int64_t patience_ms) const {
  const MonotonicMs until_ms = system_clock().monotonic_ms() + patience_ms;
  while (!reached()) {
    if (system_clock().monotonic_ms() > until_ms) return false;
    system_clock().sleep_ms(kLookMs);
  }
  return true;
}

std::string GangHosts::tail(const Path& file) const {
  constexpr std::size_t kTailBytes = 3'000;
  const std::string text = slurp(file);
  return text.size() > kTailBytes ? text.substr(text.size() - kTailBytes) : text;
}

}  // namespace tagalign::lab
