#include "coordinator/service/pools/slurm_calls_posix.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <utility>

#include "base/format.h"
#include "base/job_environment.h"
#include "base/log.h"
#include "base/process.h"
#include "coordinator/service/pools/script.h"
#include "slurm/commands.h"
#include "slurm/queue.h"
#include "slurm/text.h"

namespace tagalign::service {
namespace {

using core::CallEnd;
using core::SlurmAnswered;

constexpr std::size_t kMessageBytesMax = 400;

/// What would make squeue show less than all jobs, sbatch not return, or an allocation take over what
/// the job is given in which this coordinator runs.
bool disturbs_a_call(std::string_view name) {
  return is_of_mpi_job(name) || is_of_slurm_job(name) || name.starts_with("SQUEUE_") ||
         name.starts_with("SACCT_") || name == "SBATCH_WAIT" || name == "SBATCH_ARRAY_INX";
}

std::string first_words(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  for (char& c : text) {
    if (c == '\n') c = ' ';
  }
  return slurm::quotable(text, kMessageBytesMax);
}

void take(SlurmAnswered& answer, const core::SubmitCall&, const std::string& printed,
          const std::string&) {
  const auto job = slurm::parse_sbatch(printed);
  if (job.ok()) {
    answer.number = format("{}", *job);
  } else {
    answer.message = job.status().message();
  }
}
void take(SlurmAnswered& answer, const core::QueueCall&, const std::string& printed,
          const std::string& mark) {
  slurm::UserQueue queue = slurm::parse_user_queue(printed);
  answer.complete = queue.damage.empty();
  answer.message = queue.damage;
  for (slurm::UserQueueRow& row : queue.rows) {
    if (!core::read_job_name(row.name)) continue;
    answer.queue.push_back({.number = row.job,
                            .name = row.name,
                            .ours = row.comment == mark,
                            .state = row.state,
                            .reason = row.reason,
                            .nodes = row.nodes,
                            .ends_ms = row.ends_s * 1'000,
                            .restarts = row.restarts});
  }
}
void take(SlurmAnswered& answer, const core::AccountingCall&, const std::string& printed,
          const std::string&) {
  const auto rows = slurm::parse_sacct(printed);
  if (!rows.ok()) {
    answer.end = CallEnd::kNoAnswer;
    answer.message = rows.status().message();
    return;
  }
  for (const slurm::AccountingRow& row : *rows) {
    answer.accounting.push_back({format("{}", row.job), row.state, row.exit_code});
  }
}
void take(SlurmAnswered&, const core::CancelCall&, const std::string&, const std::string&) {}

std::vector<std::uint64_t> to_numbers(const std::vector<std::string>& texts) {
  std::vector<std::uint64_t> numbers;
  for (const std::string& text : texts) numbers.push_back(std::strtoull(text.c_str(), nullptr, 10));
  return numbers;
}

}  // namespace

SlurmCalls::~SlurmCalls() {
  end_child();
}

Result<std::vector<std::string>> SlurmCalls::submission(const core::SubmitCall& call) {
  const auto& source = std::get<wire::SlurmSource>(call.spec.source);
  const Path script = folder() / (call.spec.name + ".sbatch");
  TA_RETURN_IF_ERROR(posix_file_system().write_durable(
      script, allocation_script(call.spec, paths_.program, paths_.state_folder)));
  return slurm::sbatch_command({.script = script.string(),
                                .arguments = {},
                                .job_name = core::job_name_of(call.spec.name, call.token),
                                .partition = source.partition,
                                .account = source.account,
                                .nodes = source.nodes,
                                .cpus_per_task = source.cpus_per_node,
                                .gpus_per_node = source.gpus_per_node,
                                .time_limit_s = source.time_limit_s,
                                .signal_before_end_s = source.signal_before_end_s,
                                .requeue = true,
                                .output = (folder() / "%x.log").string(),
                                .comment = paths_.mark,
                                .sbatch_args = source.sbatch_args});
}

Result<std::vector<std::string>> SlurmCalls::command_of(const core::SlurmCall& call) {
  if (const auto* submit = std::get_if<core::SubmitCall>(&call)) return submission(*submit);
  if (const auto* accounting = std::get_if<core::AccountingCall>(&call)) {
    return slurm::sacct_command(to_numbers(accounting->numbers));
  }
  if (const auto* cancel = std::get_if<core::CancelCall>(&call)) {
    return slurm::scancel_command(cancel->numbers);
  }
  return slurm::user_queue_command(format("{}", ::getuid()));
}

Status SlurmCalls::start(const core::AskSlurm& effect) {
  FileSystem& files = posix_file_system();
  TA_RETURN_IF_ERROR(files.create_directories(folder()));
  TA_RETURN_IF_ERROR(files.remove_all(output()));
  TA_RETURN_IF_ERROR(files.remove_all(errors()));
  TA_ASSIGN_OR_RETURN(auto command, command_of(effect.what));
  TA_ASSIGN_OR_RETURN(const pid_t pid, start_process({.command = std::move(command),
                                                      .environment = {{"SLURM_TIME_FORMAT", "%s"}},
                                                      .drops = disturbs_a_call,
                                                      .stdout_file = output(),
                                                      .stderr_file = errors(),
                                                      .own_process_group = true,
                                                      .die_with_parent = true}));
  child_ = Child{effect, pid, clock_.monotonic_ms()};
  return ok_status();
}

void SlurmCalls::ask(const core::AskSlurm& effect) {
  if (child_) {
    log_warning("a call of Slurm was still on its way and is ended for the next");
    end_child();
  }
  const Status started = start(effect);
  if (started.ok()) return;
  ready_.push_back(
      {.call = effect.call, .end = CallEnd::kRefused, .message = first_words(started.message())});
}

void SlurmCalls::end_child() {
  if (!child_) return;
  ::kill(-child_->pid, SIGKILL);
  ::waitpid(child_->pid, nullptr, 0);
  child_.reset();
}

SlurmAnswered SlurmCalls::read_answer(const core::AskSlurm& asked, int wait_status) {
  const ExitStatus exit = decode_exit_status(wait_status);
  const auto printed = posix_file_system().read_file(output(), kOutputBytesMax);
  const auto said = posix_file_system().read_file(errors(), kOutputBytesMax);
  SlurmAnswered answer{.call = asked.call};
  if (exit.ok() && printed.ok()) {
    std::visit([&](const auto& call) { take(answer, call, *printed, paths_.mark); }, asked.what);
    return answer;
  }
  answer.message = first_words(said.ok() ? *said : "");
  if (answer.message.empty()) {
    answer.message = printed.ok() ? exit.to_string() : first_words(printed.status().message());
  }
  const bool refused = exit.signal == 0 && !exit.ok() && !slurm::is_unanswered(answer.message);
  answer.end = refused ? CallEnd::kRefused : CallEnd::kNoAnswer;
  return answer;
}

std::vector<SlurmAnswered> SlurmCalls::news() {
  if (child_) {
    int wait_status = 0;
    if (::waitpid(child_->pid, &wait_status, WNOHANG) == child_->pid) {
      const Child ended = *std::exchange(child_, std::nullopt);
      ready_.push_back(read_answer(ended.asked, wait_status));
    } else if (clock_.monotonic_ms() - child_->started_ms >= kTimeoutMs) {
      ready_.push_back({.call = child_->asked.call,
                        .end = CallEnd::kNoAnswer,
                        .message = format("no end after {}", format_duration(kTimeoutMs))});
      end_child();
    }
  }
  return std::exchange(ready_, {});
}

}  // namespace tagalign::service
