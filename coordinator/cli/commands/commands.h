/// One function a command: adds it with its options and help, and what it does when chosen.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>

#include "coordinator/cli/host/host.h"

namespace tagalign::cli {

/// What the chosen command does; returns its exit code.
using Action = std::function<Result<int>(Context&)>;

/// The application being put together. Options live in shared pointers that the actions capture.
struct Program {
  CLI::App& app;
  Action chosen;

  /// `options` must be filled when `command` is parsed; `run` gets them.
  template <class Options>
  void on(CLI::App* command, std::shared_ptr<Options> options,
          Result<int> (*run)(Context&, const Options&)) {
    command->callback([this, options, run] {
      chosen = [options, run](Context& context) { return run(context, *options); };
    });
  }
};

void add_coordinator(Program& program);
/// Its verbs that need no coordinator: export, repair, replay.
void add_coordinator_past(Program& program, CLI::App& coordinator);
void add_agent(Program& program);
void add_submit(Program& program);
void add_jobs(Program& program);
void add_job(Program& program);
/// Its verbs that change jobs: cancel, hold, release, requeue, set.
void add_job_changes(Program& program, CLI::App& job);
void add_goodput(Program& program);
void add_wait(Program& program);
void add_checkpoints(Program& program);
/// Its verbs that read and change folders, and need no coordinator: verify, show, diff, prune, pin, unpin.
void add_checkpoint_files(Program& program, CLI::App& checkpoints);
void add_results(Program& program);
void add_doctor(Program& program);
void add_weights(Program& program);
void add_data(Program& program);
void add_pool(Program& program);
void add_nodes(Program& program);
void add_key(Program& program);
void add_report(Program& program);
void add_completion(Program& program);

}  // namespace tagalign::cli
