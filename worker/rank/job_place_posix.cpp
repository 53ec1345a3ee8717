#include "worker/rank/job_place_posix.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>

#include "base/file_system.h"
#include "base/format.h"
#include "base/log.h"
#include "worker/rank/hang_notes.h"
#include "worker/rank/stacks_posix.h"

namespace tagalign::jobs {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

/// Beside the log, for the agent's message and for people.
void write_stacks(const std::string& log_folder, int rank, const std::string& activity) {
  if (log_folder.empty()) return;
  const std::string text = activity + "threads:\n" + stacks_of_other_threads();
  const std::string path = format("{}/rank-{}.stacks", log_folder, rank);
  const Status written = posix_file_system().write_durable(path, text);
  if (!written.ok()) log_warning("stacks: {}", written.to_string());
}

Insight insight(const std::string& log_folder, int rank, SelfKnowledge& self) {
  return {.activity = &self.activity,
          .reading = [&self] { return self.reading(); },
          .show_stacks =
              [log_folder, rank, &self] {
                const MonotonicMs now_ms = system_clock().monotonic_ms();
                write_stacks(log_folder, rank,
                             activity_text(self.activity, self.reading(), now_ms));
              }};
}

}  // namespace

JobPlace place_from_environment() {
  return {.socket = environment("TAGALIGN_AGENT_SOCKET"),
          .agent_pid = std::atoi(environment("TAGALIGN_AGENT_PID").c_str()),
          .coordinator = environment("TAGALIGN_COORDINATOR"),
          .job = JobId{std::strtoull(environment("TAGALIGN_JOB").c_str(), nullptr, 10)},
          .attempt = Attempt{static_cast<std::uint32_t>(
              std::strtoul(environment("TAGALIGN_ATTEMPT").c_str(), nullptr, 10))},
          .log_folder = environment("TAGALIGN_LOG_FOLDER"),
          .stays = !environment("TAGALIGN_STAYS").empty()};
}

JobPlace next_place(JobPlace place, const wire::NextJob& next) {
  place.job = next.job;
  place.attempt = next.attempt;
  place.log_folder = next.log_folder;
  return place;
}

void redirect_output(const JobPlace& place, int rank) {
  if (place.log_folder.empty()) return;
  const std::string path = format("{}/rank-{}.log", place.log_folder, rank);
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  if (fd < 0) return;  // the launcher's log then holds it, or the one of the job before
  ::dup2(fd, STDOUT_FILENO);
  ::dup2(fd, STDERR_FILENO);
  ::close(fd);
}

std::string end_note(const JobPlace& place, int rank) {
  return place.log_folder.empty() ? "" : format("{}/rank-{}.end", place.log_folder, rank);
}

std::optional<wire::NextJob> say_done(const JobPlace& place, Reporter& reporter) {
  auto* staying = place.stays ? dynamic_cast<StayingReporter*>(&reporter) : nullptr;
  if (staying != nullptr) return staying->farewell_and_stay("done");
  reporter.farewell(0, "done");
  return std::nullopt;
}

Result<std::unique_ptr<Reporter>> make_reporter(const JobPlace& place, int rank,
                                                SelfKnowledge& self) {
  if (place.socket.empty()) return make_log_reporter(rank);
  prepare_stacks();
  return make_agent_reporter(
      place.socket,
      {.job = place.job, .attempt = place.attempt, .rank = rank, .coordinator = place.coordinator},
      place.agent_pid, insight(place.log_folder, rank, self));
}

}  // namespace tagalign::jobs
