#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>

#include "base/exit_codes.h"
#include "base/format.h"
#include "base/process.h"
#include "configs/schema/reading/load.h"
#include "worker/exec/exec_program.h"
#include "worker/exec/exec_rank.h"
#include "worker/exec/report_file.h"
#include "worker/rank/reporter.h"

namespace tagalign::exec {
namespace {

/// Between two looks at what the program reports and at what the agent asks for.
constexpr int kLookMs = 200;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::uint64_t number(const char* name) {
  return std::strtoull(variable(name).c_str(), nullptr, 10);
}

/// By whichever launcher started this process.
int rank_number() {
  for (const char* name : {"PMIX_RANK", "OMPI_COMM_WORLD_RANK", "SLURM_PROCID", "PMI_RANK"}) {
    if (!variable(name).empty()) return static_cast<int>(number(name));
  }
  return 0;
}

struct Arguments {
  std::string config;
  config::Overrides overrides;
};

Result<Arguments> parse(const std::vector<std::string>& words) {
  Arguments arguments;
  for (std::size_t i = 0; i + 1 < words.size(); i += 2) {
    if (words[i] == "--config") arguments.config = words[i + 1];
    if (words[i] == "--set") arguments.overrides.push_back(words[i + 1]);
  }
  if (!arguments.config.empty() && !variable("TAGALIGN_AGENT_SOCKET").empty()) return arguments;
  return invalid_argument(
      format("{} is run by a launcher, for a job's agent: hand an exec job in "
             "with `tagalign submit FILE`",
             kExecRank));
}

/// The program, and the agent that hears of it.
class ExecRank {
 public:
  ExecRank(jobs::Reporter& reporter, int rank)
      : reporter_(reporter), rank_(rank), folder_(variable("TAGALIGN_LOG_FOLDER")) {}

  /// Its exit code; a signal that it did not bring upon itself ends this process.
  int run(const config::ExecConfig& config) {
    const auto pid = start(config);
    if (!pid.ok()) return leave(to_int(ExitCode::kDoNotRequeue), pid.status().message());
    reporter_.hello(format("process {}", *pid));
    ReportFile reports(posix_file_system(), report_file(folder_, rank_),
                       std::filesystem::current_path());
    const ExitStatus exit = watch(*pid, reports);
    pass_on(reports.read(true));
    ::kill(-*pid, SIGKILL);  // what it started and left behind
    return leave(exit);
  }

 private:
  Path log() const { return folder_ / format("rank-{}.log", rank_); }

  Result<pid_t> start(const config::ExecConfig& config) const {
    auto variables = variables_of(config, folder_, rank_);
    variables["TAGALIGN_PROGRAM"] = self_executable().string();
    return start_process({.command = words_of(config, std::filesystem::current_path()),
                          .environment = std::move(variables),
                          .stdout_file = log(),
                          .stderr_file = log(),
                          .own_process_group = true,
                          .die_with_parent = true});
  }

  ExitStatus watch(pid_t pid, ReportFile& reports) {
    const int fd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0u));
    int status = 0;
    while (::waitpid(pid, &status, WNOHANG) != pid) {
      pass_on(reports.read());
      if (!asked_ && reporter_.stop_requested()) {
        asked_ = true;
        ::kill(-pid, SIGTERM);
      }
      pollfd ended{fd, POLLIN, 0};
      ::poll(&ended, 1, kLookMs);
    }
    if (fd >= 0) ::close(fd);
    return decode_exit_status(status);
  }

  void pass_on(const News& news) {
    if (const auto& said = news.progress)
      reporter_.progress(said->step, said->steps_total, said->activity);
    for (const auto& checkpoint : news.checkpoints) {
      const Status told = reporter_.checkpoint(checkpoint);
      if (!told.ok()) std::fprintf(stderr, "%s\n", told.message().c_str());
    }
    for (const std::string& notice : news.notices) reporter_.notice(notice);
  }

  int leave(const ExitStatus& exit) {
    const bool as_asked =
        asked_ && (exit.signal == SIGTERM || signal_of_code(exit.code) == SIGTERM);
    if (as_asked) return leave(to_int(ExitCode::kRequeue), "it ended as it was asked to");
    if (exit.ok()) return leave(0, "");
    if (exit.signal == 0 || is_crash(exit.signal)) {
      const int code = exit.signal == 0 ? exit.code : 128 + exit.signal;
      return leave(code,
                   format("the program ended with {}; see {}", exit.to_string(), log().string()));
    }
    std::fprintf(stderr, "the program was %s\n", exit.to_string().c_str());
    ::signal(exit.signal, SIG_DFL);
    ::raise(exit.signal);
    return 128 + exit.signal;
  }

  int leave(int code, const std::string& why) {
    if (!why.empty()) std::fprintf(stderr, "%s\n", why.c_str());
    reporter_.farewell(code, why);
    // Over several nodes a launcher would take 75 for a failure and end the others.
    const std::string quiet = variable("TAGALIGN_LEAVE_CODE");
    return code == to_int(ExitCode::kRequeue) && !quiet.empty() ? std::atoi(quiet.c_str()) : code;
  }

  jobs::Reporter& reporter_;
  int rank_;
  Path folder_;
  bool asked_ = false;  ///< the program was told to leave
};

int fail(const Status& status, ExitCode code) {
  std::fprintf(stderr, "%s\n", status.message().c_str());
  return to_int(code);
}

}  // namespace

int run_exec_rank(const std::vector<std::string>& words) {
  const auto arguments = parse(words);
  if (!arguments.ok()) return fail(arguments.status(), ExitCode::kUsage);
  const jobs::RankIdentity identity{
      .job = JobId{number("TAGALIGN_JOB")},
      .attempt = Attempt{static_cast<std::uint32_t>(number("TAGALIGN_ATTEMPT"))},
      .rank = rank_number(),
      .coordinator = variable("TAGALIGN_COORDINATOR")};
  auto reporter = jobs::make_agent_reporter(variable("TAGALIGN_AGENT_SOCKET"), identity,
                                            static_cast<int>(number("TAGALIGN_AGENT_PID")));
  if (!reporter.ok()) return fail(reporter.status(), ExitCode::kJobFailed);
  const auto config = config::load_job_config<config::ExecConfig>(
      posix_file_system(), arguments->config, arguments->overrides);
  if (config.ok()) return ExecRank(**reporter, identity.rank).run(*config);
  (*reporter)->farewell(to_int(ExitCode::kDoNotRequeue), config.status().message());
  return fail(config.status(), ExitCode::kDoNotRequeue);
}

}  // namespace tagalign::exec
