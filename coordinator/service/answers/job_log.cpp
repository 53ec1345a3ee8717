#include "coordinator/service/answers/job_log.h"

#include <algorithm>

#include "base/format.h"
#include "base/limits.h"
#include "coordinator/wire/log_folder.h"

namespace tagalign::service {
namespace {

constexpr std::uint64_t kReplyBytesMax = limits::kFrameBytesMax / 2;

Result<std::string> read_tail(FileSystem& files, const Path& path, std::uint64_t bytes_max) {
  TA_ASSIGN_OR_RETURN(const std::uint64_t size, files.file_size(path));
  const std::uint64_t length = std::min(size, bytes_max);
  std::string text(static_cast<std::size_t>(length), '\0');
  TA_RETURN_IF_ERROR(
      files.read_range(path, size - length, std::as_writable_bytes(std::span(text))));
  return text;
}

}  // namespace

Path log_folder(const core::Workflow& workflow, const core::Job& job, Attempt attempt) {
  return wire::log_folder(workflow.workspace, job.spec.name, attempt);
}

Result<wire::JobLogReply> read_job_log(FileSystem& files, const core::Workflow& workflow,
                                       const core::Job& job, const wire::JobLogRequest& request) {
  const Attempt attempt = request.attempt.value_or(job.attempt);
  if (attempt.value == 0) {
    return not_found(format("show the log of job {}: it has not started yet", job.id.value));
  }
  const Path folder = log_folder(workflow, job, attempt);
  auto names = files.list_directory(folder);
  if (names.ok()) {
    std::erase_if(*names, [&](const std::string& name) {
      return request.rank ? name != format("rank-{}.log", *request.rank) : !name.ends_with(".log");
    });
  }
  if (!names.ok() || names->empty()) {
    return not_found(format("show the log of job {}, attempt {}: {} holds no {}", job.id.value,
                            attempt.value, folder.string(),
                            request.rank ? format("rank-{}.log", *request.rank) : "*.log"));
  }
  const std::uint64_t tail_max = std::min<std::uint64_t>(
      {request.tail_bytes, limits::kLogTailBytesMax, kReplyBytesMax / names->size()});
  wire::JobLogReply reply;
  for (const std::string& name : *names) {
    TA_ASSIGN_OR_RETURN(std::string text, read_tail(files, folder / name, tail_max));
    reply.files.emplace_back((folder / name).string(), std::move(text));
  }
  return reply;
}

}  // namespace tagalign::service
