#include "configs/schema/reading/exec_checks.h"

#include <algorithm>

#include "base/format.h"
#include "base/limits.h"
#include "configs/schema/document/binder.h"
#include "configs/schema/reading/checks.h"
#include "configs/schema/reading/load.h"

namespace tagalign::config {
namespace {

/// Texts for the kernel end at the first such byte.
bool has_zero(std::string_view text) {
  return text.find('\0') != std::string_view::npos;
}

void check_command(const Command& command, std::vector<Finding>& out) {
  for (std::size_t i = 0; i < command.words.size(); ++i) {
    const std::string path = command.by_shell ? "command" : format("command.{}", i);
    if (has_zero(command.words[i]))
      out.push_back({path, "expected a text without a byte 0, found one with it"});
  }
  const std::string& first = command.words.front();
  if (first.find_first_not_of(" \t\n") != std::string::npos) return;
  out.push_back({command.by_shell ? "command" : "command.0",
                 "expected a program, found an empty word; name what shall run"});
}

void check_environment(const Environment& environment, std::vector<Finding>& out) {
  for (const auto& [name, value] : environment) {
    const std::string path = "environment." + name;
    if (name.empty() || name.find('=') != std::string::npos || has_zero(name))
      out.push_back({"environment", format("'{}' is no name of a variable", name)});
    else if (name.starts_with("TAGALIGN_"))
      out.push_back({path, "names that begin with TAGALIGN_ are set by the agent; choose another"});
    if (has_zero(value))
      out.push_back({path, "expected a text without a byte 0, found one with it"});
  }
}

}  // namespace

std::vector<Finding> check(const ExecConfig& config) {
  std::vector<Finding> out;
  check_command(config.command, out);
  check_environment(config.environment, out);
  for (std::size_t i = 0; i < config.outputs.size(); ++i) {
    if (config.outputs[i].empty() || has_zero(config.outputs[i])) {
      out.push_back({format("outputs.{}", i),
                     "expected a file or a pattern, found an empty text or one with a byte 0"});
    }
  }
  return out;
}

void settle_ranks(const Entry& written, WorkflowJob& job, Node& config, Problems& problems) {
  const std::string path = "jobs." + job.name;
  if (job.kind != kExecKind) {
    if (job.ranks > 0) return;
    problems.add(locate(written.value, "ranks"),
                 format("{}.ranks: expected 1 to {}, found 0; only a job of kind exec runs without "
                        "MPI",
                        path, limits::kRanksPerJobMax));
    job.ranks = 1;
    return;
  }
  if (written.value.find("ranks") == nullptr) job.ranks = 0;
  const bool mpi = job.ranks > 0;
  const Node* said = config.find("mpi");
  if (said != nullptr && said->scalar != (mpi ? "true" : "false")) {
    problems.add(said->origin, format("{}.config.mpi: expected {} with ranks {}, found {}; it "
                                      "follows from ranks, leave it out",
                                      path, mpi, job.ranks, said->describe()));
  }
  if (config.kind == Node::Kind::kMap) (void)set_at(config, "mpi", to_node(mpi));
}

void check_checkpoint_word(const WorkflowJob& job, const Origin& origin, Problems& problems) {
  if (job.kind != kExecKind || !job.on_commit_of.empty()) return;
  const auto config = parse_job_config<ExecConfig>(job.config, job.name);
  if (!config.ok() || config->command.by_shell || !config->checkpoint.empty()) return;
  const bool asks = std::ranges::any_of(config->command.words, [](const std::string& word) {
    return word.find(kCheckpointWord) != std::string::npos;
  });
  if (!asks) return;
  problems.add(origin, format("jobs.{}.config.command: names {}, but the job has no on_commit_of "
                              "and no config.checkpoint; set one of them",
                              job.name, kCheckpointWord));
}

}  // namespace tagalign::config
