/// The kind exec: any program as a job, started by its agent itself. tagalign-worker has no part in it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "configs/schema/document/program.h"
#include "configs/schema/document/rule.h"

namespace tagalign::config {

inline constexpr std::string_view kExecKind = "exec";
/// A word of a command that becomes the path of the checkpoint; also within a word.
inline constexpr std::string_view kCheckpointWord = "{checkpoint}";

struct ExecConfig {
  Command command;
  Environment environment;
  std::vector<std::string> outputs;
  std::string checkpoint;
  bool mpi = false;

  bool operator==(const ExecConfig&) const = default;
};

template <class V>
void visit_fields(V& v, ExecConfig& c) {
  v.field("command", c.command,
          Rule("what runs in the workspace: a list of words (`{checkpoint}` in one becomes the "
               "checkpoint's path), or one text for `/bin/sh -c`")
              .required());
  v.field("environment", c.environment,
          Rule("variables beside those of the agent; names that begin with TAGALIGN_ are taken"));
  v.field("outputs", c.outputs,
          Rule("files or folders, relative to the workspace, that must be there at the end; * and "
               "? stand for characters of a name. One without a match fails the job")
              .keeps_numbers());
  v.field("checkpoint", c.checkpoint,
          Rule("checkpoint that it works on, $TAGALIGN_CHECKPOINT; filled in by on_commit_of")
              .keeps_numbers());
  v.field("mpi", c.mpi,
          Rule("follows from the job's `ranks`: false for 0, a process without MPI; true for "
               "ranks that mpirun or srun starts")
              .keeps_numbers());
}

}  // namespace tagalign::config
