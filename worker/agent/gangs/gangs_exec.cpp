// Jobs of kind exec, whose program says nothing to its agent: what the agent does in the place of a rank.
#include <csignal>

#include "base/format.h"
#include "base/limits.h"
#include "worker/agent/gangs/gangs.h"
#include "worker/exec/outputs.h"

namespace tagalign::agent {
namespace {

/// Between two looks at what a program reports.
constexpr std::int64_t kReportLookMs = 500;

}  // namespace

Result<std::optional<Gangs::ExecJob>> Gangs::exec_job(const wire::Launch& launch) {
  TA_ASSIGN_OR_RETURN(auto config, exec::exec_config_of(launch));
  if (!config) return std::optional<ExecJob>();
  return std::optional(
      ExecJob{.config = std::move(*config),
              .reports = exec::ReportFile(
                  parts_.files, exec::report_file(attempt_folder(launch), 0), launch.workspace)});
}

Result<ProcessName> Gangs::start_plain(const wire::Launch& launch,
                                       const GangEnvironment& environment,
                                       const config::ExecConfig& config) {
  auto process = parts_.processes.start(plain_process(launch, environment, config));
  if (process.ok()) parts_.processes.watch(process->pid);
  return process;
}

/// All of its group: a shell does not hand the signal on to what it runs.
void Gangs::ask_plain_to_leave(RunningGang& running) {
  running.leave_until_ms = parts_.clock.monotonic_ms() + limits::kSaveAndLeaveMsMax;
  parts_.processes.signal_group(running.launcher, SIGTERM);
}

void Gangs::hear_reports(RunningGang& running, std::vector<wire::AgentEvent>& events) {
  const MonotonicMs now_ms = parts_.clock.monotonic_ms();
  Gang& gang = running.gang;
  if (now_ms < running.exec->look_ms && !gang.launcher_ended()) return;
  running.exec->look_ms = now_ms + kReportLookMs;
  const auto& [job, attempt] = std::pair(gang.launch().job, gang.launch().attempt);
  exec::News news = running.exec->reports.read(gang.launcher_ended());
  if (news.progress) {
    gang.on_beat({job, attempt, 0, news.progress->step, news.progress->steps_total,
                  std::move(news.progress->activity)},
                 now_ms);
  }
  for (auto& checkpoint : news.checkpoints) {
    gang.on_checkpoint(checkpoint.step);
    events.push_back(wire::CheckpointCommitted{job, attempt, std::move(checkpoint), {}});
  }
  for (auto& text : news.notices)
    events.push_back(wire::RankNotice{job, attempt, 0, std::move(text)});
}

void Gangs::check_outputs(const RunningGang& running, wire::AttemptEnded& ended) {
  if (ended.outcome != wire::Outcome::kSucceeded || !running.gang.part().is_head()) return;
  const auto missing =
      exec::missing_outputs(running.exec->config.outputs, running.gang.launch().workspace);
  if (missing.empty()) return;
  ended.outcome = wire::Outcome::kFailed;
  ended.message = format(
      "the program ended well, but of its outputs {} {} missing in {}; let it "
      "write {}, or mend the key outputs",
      fmt::join(missing, ", "), missing.size() == 1 ? "is" : "are", running.gang.launch().workspace,
      missing.size() == 1 ? "it" : "them");
}

}  // namespace tagalign::agent
