#include "coordinator/cli/talk/follow.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/exit_codes.h"
#include "base/format.h"
#include "base/utf8.h"
#include "coordinator/cli/talk/job_pages.h"
#include "coordinator/cli/talk/unfit.h"

namespace tagalign::cli {
namespace {

using wire::JobSummary;

std::string steps_of(const JobSummary& job) {
  if (job.steps_total == 0) return "";
  return format("{}/{}", job.step, job.steps_total);
}

/// Why a job waits may hold a step or a time that changes with every look: only words count as news.
std::string without_digits(std::string text) {
  std::erase_if(text, [](char c) { return c >= '0' && c <= '9'; });
  return text;
}

/// Remembers what was said, and says what is new.
class Narrator {
 public:
  explicit Narrator(Host& host) : world_(host) {}

  void tell(const std::vector<JobSummary>& jobs) {
    for (const JobSummary& job : jobs) {
      Said& said = said_[job.id];
      const std::string state =
          format("{}/{}/{}", job.state, job.attempt.value, without_digits(job.reason));
      const MonotonicMs now = world_.clock.monotonic_ms();
      const bool moved = job.step != said.step && now - said.at_ms >= kStepLineMs;
      if (state == said.state && (world_.is_terminal || !moved)) continue;
      line(progress_line(job));
      said = {state, job.step, now};
    }
    draw(jobs);
  }

  void line(const std::string& text) {
    erase();
    world_.err << format_utc(world_.clock.unix_ms()).substr(11, 8) << "  " << printable(text)
               << "\n";
    world_.err.flush();
  }

  void erase() {
    if (drawn_) world_.err << "\r\x1b[K";
    drawn_ = false;
  }

 private:
  struct Said {
    std::string state;
    std::uint64_t step = 0;
    MonotonicMs at_ms = 0;
  };

  void draw(const std::vector<JobSummary>& jobs) {
    if (!world_.is_terminal) return;
    const auto running = std::ranges::find(jobs, "running", &JobSummary::state);
    if (running == jobs.end()) return erase();
    constexpr std::size_t kWidthMax = 100;
    erase();
    world_.err << printable(progress_line(*running), kWidthMax);
    world_.err.flush();
    drawn_ = true;
  }

  Host& world_;
  std::map<JobId, Said> said_;
  bool drawn_ = false;
};

int verdict(const std::vector<JobSummary>& jobs) {
  const bool good =
      std::ranges::all_of(jobs, [](const JobSummary& job) { return job.state == "succeeded"; });
  return to_int(good ? ExitCode::kOk : ExitCode::kJobFailed);
}

Status out_of_time(const std::vector<JobSummary>& jobs, std::int64_t timeout_ms) {
  std::vector<std::string> open;
  for (const JobSummary& job : jobs) {
    if (!job.terminal) open.push_back(format("{} ({})", job.name, job.state));
  }
  return timed_out(format("not finished after {}: {}; the jobs go on", format_duration(timeout_ms),
                          fmt::join(open, ", ")));
}

/// What is known of the jobs that are followed.
class Watch {
 public:
  explicit Watch(const FollowOptions& options)
      : open_(options.jobs.begin(), options.jobs.end()), newcomers_(options.newcomers) {}

  /// Newcomers are asked for last: whatever was added before a job ended is seen with its end.
  Status look(Connection& connection) {
    if (!open_.empty()) {
      TA_ASSIGN_OR_RETURN(const auto jobs,
                          all_pages(connection, {.jobs = {open_.begin(), open_.end()}}));
      for (const JobSummary& job : jobs) take(job);
    }
    if (!newcomers_) return ok_status();
    TA_ASSIGN_OR_RETURN(const auto jobs, all_pages(connection, {.workflow = newcomers_->workflow,
                                                                .after = newcomers_->after}));
    for (const JobSummary& job : jobs) {
      take(job);
      newcomers_->after = job.id;
    }
    return ok_status();
  }

  bool all_ended() const { return open_.empty(); }

  std::vector<JobSummary> jobs() const {
    std::vector<JobSummary> all;
    for (const auto& [id, job] : known_) all.push_back(job);
    return all;
  }

 private:
  void take(const JobSummary& job) {
    known_[job.id] = job;
    if (job.terminal)
      open_.erase(job.id);
    else
      open_.insert(job.id);
  }

  std::set<JobId> open_;  ///< not known to have ended
  std::map<JobId, JobSummary> known_;
  std::optional<Newcomers> newcomers_;
};

}  // namespace

std::string progress_line(const JobSummary& job) {
  std::string line = format("{:<16} {:<9}", job.name, job.state);
  if (job.attempt.value > 1) line += format("  attempt {}", job.attempt.value);
  if (!steps_of(job).empty()) line += "  step " + steps_of(job);
  const std::string& detail = job.reason.empty() && !job.terminal ? job.activity : job.reason;
  if (!detail.empty()) line += "  " + detail;
  return line;
}

Result<int> follow_jobs(Context& context, Connection& connection, const FollowOptions& options) {
  Narrator narrator(context.host);
  Patience patience(context.host.clock,
                    [&narrator](const std::string& text) { narrator.line(text); });
  const MonotonicMs start = context.host.clock.monotonic_ms();
  Watch watch(options);
  std::optional<UnfitWatch> unfit;
  if (options.agents) unfit.emplace(*options.agents);
  while (true) {
    const Status looked = watch.look(connection);
    if (looked.ok()) {
      patience.answered();
      narrator.tell(watch.jobs());
      if (watch.all_ended()) {
        narrator.erase();
        return verdict(watch.jobs());
      }
      const auto never =
          unfit ? unfit->look(connection, watch.jobs(), context.host.clock.monotonic_ms())
                : std::nullopt;
      if (never) {
        narrator.line(*never);
        return to_int(ExitCode::kDoNotRequeue);
      }
    } else if (const Status status = patience.bear(looked); !status.ok()) {
      narrator.erase();
      return status;
    }
    if (options.timeout_ms && context.host.clock.monotonic_ms() - start >= *options.timeout_ms) {
      narrator.erase();
      return out_of_time(watch.jobs(), *options.timeout_ms);
    }
    context.host.clock.sleep_ms(kFollowPollMs);
  }
}

}  // namespace tagalign::cli
