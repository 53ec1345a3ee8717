/// A command line with a scripted coordinator and no machine.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "coordinator/cli/cli.h"

namespace tagalign::cli {

/// Any kind of reply, or the Status of a call that failed.
struct Answer {
  template <class Reply>
  Answer(Reply reply) : result(wire::ClientReply(std::move(reply))) {}
  Answer(Status status) : result(std::move(status)) {}
  Result<wire::ClientReply> result;
};

/// Answers with a function of the request; keeps what it was asked.
struct FakeCoordinator {
  std::function<Answer(const wire::ClientRequest&)> answer;
  std::vector<wire::ClientRequest> requests;
};

class FakeConnection final : public Connection {
 public:
  explicit FakeConnection(FakeCoordinator& coordinator) : coordinator_(coordinator) {}
  Result<wire::ClientReply> call(const wire::ClientRequest& request) override {
    coordinator_.requests.push_back(request);
    return coordinator_.answer(request).result;
  }

 private:
  FakeCoordinator& coordinator_;
};

class CommandLine : public ::testing::Test {
 protected:
  CommandLine() {
    coordinator.answer = [](const auto&) -> Answer { return unavailable("no coordinator runs"); };
  }

  int run(const std::vector<std::string>& arguments) {
    out.str("");
    err.str("");
    Host host = host_that_answers();
    add_programs(host);
    return run_cli(arguments, host);
  }

  /// Streams, clock, files and the coordinator; starts no program.
  Host host_that_answers() {
    return {.out = out,
            .err = err,
            .is_terminal = false,
            .has_colours = false,
            .clock = clock,
            .files = posix_file_system(),
            .environment = [this](const std::string& name) -> std::optional<std::string> {
              const auto found = environment.find(name);
              if (found == environment.end()) return std::nullopt;
              return found->second;
            },
            .connect =
                [this](const Way& seen) {
                  way = seen;
                  state_folder = seen.state;
                  return std::make_unique<FakeConnection>(coordinator);
                },
            .random_token = [] { return std::string("0123456789abcdef"); },
            .create_state_folder = [](const Path&) { return ok_status(); },
            .add_key = wire::add_key,
            .list_keys = wire::list_keys,
            .revoke_key = wire::revoke_key};
  }

  /// Programs that only write down how they were called.
  void add_programs(Host& host) {
    host.gang_command = [](const wire::Launch& launch) {
      std::vector<std::string> command = {"mpirun", "-n", std::to_string(launch.ranks),
                                          "tagalign-worker"};
      command.insert(command.end(), launch.overrides.begin(), launch.overrides.end());
      return command;
    };
    host.append = [this](const Path& file, const std::string& text) {
      appended[file] += text;
      return ok_status();
    };
    host.run_coordinator = [this](const CoordinatorArguments& seen) {
      coordinator_arguments = seen;
      return 0;
    };
    host.run_agent = [this](const AgentArguments& seen) {
      agent_arguments = seen;
      return 0;
    };
    host.start_detached = [this](const std::vector<std::string>& detached,
                                 const Path&) -> Result<pid_t> {
      started.push_back(detached);
      if (on_start) on_start();
      return 4242;
    };
    host.exit_of = [this](pid_t) { return daemon_exit; };
    host.ask_worker = [this](const std::vector<std::string>& seen) -> Result<CommandOutput> {
      asked_of_worker = seen;
      return worker_answer;
    };
    host.past = past;
    host.examine = [this](const Path&) { return checks; };
    host.run_worker = [this](const std::vector<std::string>& words) -> Result<int> {
      worker_arguments = words;
      return worker_exit;
    };
  }

  std::ostringstream out;
  std::ostringstream err;
  ManualClock clock;
  std::map<std::string, std::string> environment = {{"HOME", "/home/ada"}};
  FakeCoordinator coordinator;
  Way way;
  Path state_folder;
  CoordinatorArguments coordinator_arguments;
  AgentArguments agent_arguments;
  std::vector<std::vector<std::string>> started;
  std::function<void()> on_start;
  std::optional<ExitStatus> daemon_exit;
  std::vector<Check> checks;
  std::map<Path, std::string> appended;
  Past past;
  std::vector<std::string> asked_of_worker;
  CommandOutput worker_answer;
  std::vector<std::string> worker_arguments;
  int worker_exit = 0;
};

/// A job of the workflow "demo".
inline wire::JobSummary job(std::uint64_t id, const std::string& name, const std::string& state) {
  wire::JobSummary summary;
  summary.id = JobId{id};
  summary.workflow = WorkflowId{1};
  summary.workflow_name = "demo";
  summary.name = name;
  summary.kind = "train";
  summary.state = state;
  summary.terminal = state == "succeeded" || state == "failed" || state == "cancelled";
  summary.ranks = 2;
  return summary;
}

}  // namespace tagalign::cli
