#include "worker/agent/journal.h"

#include <sstream>
#include <string>

#include "base/checksum.h"
#include "base/format.h"

namespace tagalign::agent {
namespace {

constexpr std::string_view kTitle = "tagalign-journal 1";
constexpr std::uint64_t kJournalBytesMax = 64u << 20;

struct Contents {
  std::map<JobId, Attempt> newest;
  std::map<AttemptKey, ProcessName> open;
};

std::string with_digest(std::string text) {
  return text + format("digest {}\n", digest128(as_bytes(text)).hex());
}

bool parse_line(const std::string& line, Contents& contents) {
  std::istringstream fields(line);
  std::string word;
  JobId job;
  Attempt attempt;
  if (!(fields >> word >> job.value >> attempt.value)) return false;
  if (word == "newest") {
    contents.newest[job] = attempt;
    return true;
  }
  ProcessName launcher;
  if (word != "open" || !(fields >> launcher.pid >> launcher.start_ticks)) return false;
  contents.open[{job, attempt}] = launcher;
  return true;
}

Result<Contents> parse(const std::string& text, const Path& path) {
  const auto digest_at = text.rfind("digest ");
  if (digest_at == std::string::npos || with_digest(text.substr(0, digest_at)) != text) {
    return data_loss(
        format("reading the agent's journal {}: its checksum does not match; without it this agent "
               "cannot know "
               "what it has launched. Start the agent with another --id, or remove its folder once "
               "no gang of it runs",
               path.string()));
  }
  std::istringstream lines(text.substr(0, digest_at));
  std::string line;
  if (!std::getline(lines, line) || line != kTitle) {
    return unsupported(format("reading the agent's journal {}: expected '{}', found '{}'",
                              path.string(), kTitle, line));
  }
  Contents contents;
  while (std::getline(lines, line)) {
    if (!parse_line(line, contents)) {
      return data_loss(
          format("reading the agent's journal {}: unexpected line '{}'", path.string(), line));
    }
  }
  return contents;
}

}  // namespace

Result<Journal> Journal::open(FileSystem& files, const Path& path) {
  Journal journal(files, path);
  if (!files.exists(path)) return journal;
  TA_ASSIGN_OR_RETURN(const std::string text, files.read_file(path, kJournalBytesMax));
  TA_ASSIGN_OR_RETURN(Contents contents, parse(text, path));
  journal.newest_ = std::move(contents.newest);
  journal.open_ = std::move(contents.open);
  return journal;
}

bool Journal::has_accepted(const AttemptKey& key) const {
  const auto newest = newest_.find(key.first);
  return newest != newest_.end() && key.second <= newest->second;
}

Status Journal::accept(const AttemptKey& key) {
  TA_CHECK(!has_accepted(key));
  const Journal before = *this;
  newest_[key.first] = key.second;
  open_[key] = {};
  const Status saved = save();
  if (!saved.ok()) *this = before;
  return saved;
}

Status Journal::started(const AttemptKey& key, const ProcessName& launcher) {
  TA_CHECK(open_.contains(key));
  const ProcessName before = std::exchange(open_[key], launcher);
  const Status saved = save();
  if (!saved.ok()) open_[key] = before;
  return saved;
}

Status Journal::close(const AttemptKey& key) {
  const auto entry = open_.extract(key);
  if (entry.empty()) return ok_status();
  const Status saved = save();
  if (!saved.ok()) open_[key] = entry.mapped();
  return saved;
}

Status Journal::save() const {
  std::string text = format("{}\n", kTitle);
  for (const auto& [job, attempt] : newest_) {
    text += format("newest {} {}\n", job.value, attempt.value);
  }
  for (const auto& [key, launcher] : open_) {
    text += format("open {} {} {} {}\n", key.first.value, key.second.value, launcher.pid,
                   launcher.start_ticks);
  }
  return files_->write_durable(path_, with_digest(std::move(text))).with_context("agent's journal");
}

}  // namespace tagalign::agent
