#include "worker/exec/report_file.h"

#include <algorithm>
#include <cstddef>
#include <span>

#include "base/format.h"
#include "base/overloaded.h"
#include "base/utf8.h"

namespace tagalign::exec {
namespace {

/// At one look; what is behind waits for the next.
constexpr std::uint64_t kBytesMax = 1u << 20;
/// The coordinator keeps no more of a job than some dozens.
constexpr std::size_t kNoticesMax = 16;

}  // namespace

News ReportFile::read(bool ended) {
  News news;
  // A file is missing until the program writes the first line.
  const auto size = files_->file_size(path_);
  if (!size.ok() || *size <= offset_) return news;
  std::string text(static_cast<std::size_t>(std::min(*size - offset_, kBytesMax)), '\0');
  const Status read = files_->read_range(path_, offset_, std::as_writable_bytes(std::span(text)));
  if (!read.ok()) return news;  // cut meanwhile
  const bool all = offset_ + text.size() == *size;
  std::string_view rest = text;
  for (auto end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
    take(rest.substr(0, end), news);
    rest.remove_prefix(end + 1);
  }
  const bool endless = rest.size() == text.size() && text.size() == kBytesMax;
  if ((ended && all) || endless) {
    take(rest, news);
    rest = {};
  }
  offset_ += text.size() - rest.size();
  return news;
}

void ReportFile::take(std::string_view line, News& news) {
  if (line.find_first_not_of(" \t\r") == std::string_view::npos) return;
  const auto report = wire::parse_report(line);
  const auto note = [&](std::string text) {
    if (news.notices.size() < kNoticesMax) news.notices.push_back(std::move(text));
  };
  if (!report.ok()) return note(report.status().message());
  std::visit(Overloaded{[&](const wire::ProgressReport& said) { news.progress = said; },
                        [&](const wire::CheckpointInfo& said) { take(said, news); },
                        [&](const wire::NoticeReport& said) { note(printable(said.text)); }},
             *report);
}

void ReportFile::take(wire::CheckpointInfo checkpoint, News& news) {
  const Path path = (workspace_ / checkpoint.path).lexically_normal();
  if (files_->exists(path)) {
    checkpoint.path = path.string();
    news.checkpoints.push_back(std::move(checkpoint));
  } else if (news.notices.size() < kNoticesMax) {
    news.notices.push_back(
        format("reported a checkpoint of step {} at {}, where nothing is: it is "
               "not followed; report it once it is written",
               checkpoint.step, path.string()));
  }
}

}  // namespace tagalign::exec
