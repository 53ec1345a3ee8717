#include "worker/agent/journal/journal.h"

#include <algorithm>

#include "base/format.h"
#include "base/log.h"
#include "base/overloaded.h"
#include "base/reserved_file.h"

namespace tagalign::agent {
namespace {

constexpr std::uint64_t kJournalBytesMax = 1u << 30;

}  // namespace

void Journal::Contents::apply(const JournalEntry& entry) {
  const auto take_newest = [&](const AttemptKey& key) {
    Attempt& known = newest[key.first];
    known = std::max(known, key.second);
  };
  std::visit(Overloaded{[&](const Accepted& said) {
                          take_newest(said.key);
                          open[said.key] = {};
                        },
                        [&](const Over& said) { take_newest(said.key); },
                        [&](const LauncherStarted& said) {
                          if (const auto found = open.find(said.key); found != open.end())
                            found->second = said.launcher;
                        },
                        [&](const Acknowledged& said) {
                          while (!events.empty() && events.front().sequence <= said.sequence)
                            events.pop_front();
                          next_sequence = std::max(next_sequence, said.sequence + 1);
                        },
                        [&](const wire::SequencedEvent& kept) {
                          next_sequence = std::max(next_sequence, kept.sequence + 1);
                          events.push_back(kept);
                          const auto* ended = std::get_if<wire::AttemptEnded>(&kept.event);
                          if (ended != nullptr) open.erase({ended->job, ended->attempt});
                        }},
             entry);
}

/// Applied to nothing, they give these contents again.
std::vector<JournalEntry> Journal::Contents::entries() const {
  std::vector<JournalEntry> entries;
  for (const auto& [job, attempt] : newest) entries.push_back(Over{{job, attempt}});
  for (const auto& [key, launcher] : open) {
    entries.push_back(Accepted{key});
    entries.push_back(LauncherStarted{key, launcher});
  }
  entries.push_back(Acknowledged{(events.empty() ? next_sequence : events.front().sequence) - 1});
  entries.insert(entries.end(), events.begin(), events.end());
  return entries;
}

Result<Journal> Journal::open(FileSystem& files, const Path& path,
                              std::uint64_t rewrite_bytes_min) {
  Journal journal(files, path, rewrite_bytes_min);
  if (!files.exists(path)) return journal;
  TA_ASSIGN_OR_RETURN(const std::string bytes, files.read_file(path, kJournalBytesMax));
  const auto unpacked = unpack_journal(bytes);
  if (!unpacked.ok()) {
    return unpacked.status().with_context(
        format("reading the agent's journal {}: without it this agent cannot know what it has "
               "launched: start the agent with another --id, or remove its folder once no gang of "
               "it runs",
               path.string()));
  }
  if (unpacked->torn_bytes > 0) {
    log_warning("journal: cut {} bytes of an incomplete frame at the end of {}",
                unpacked->torn_bytes, path.string());
  }
  for (const JournalEntry& entry : unpacked->entries) journal.contents_.apply(entry);
  return journal;
}

bool Journal::has_accepted(const AttemptKey& key) const {
  const auto newest = contents_.newest.find(key.first);
  return newest != contents_.newest.end() && key.second <= newest->second;
}

void Journal::note_started(const AttemptKey& key, const ProcessName& launcher) {
  noted_.push_back(LauncherStarted{key, launcher});
  contents_.apply(noted_.back());
}

void Journal::acknowledge(std::uint64_t sequence) {
  // Of an earlier life of the coordinator's store: a number that was never given must not count.
  const std::uint64_t given = std::min(sequence, contents_.next_sequence - 1);
  if (contents_.events.empty() || given < contents_.events.front().sequence) return;
  noted_.push_back(Acknowledged{given});
  contents_.apply(noted_.back());
}

Status Journal::commit(const JournalBatch& batch) {
  if (batch.empty()) return ok_status();
  std::vector<JournalEntry> added;
  for (const AttemptKey& key : batch.accepted) added.push_back(Accepted{key});
  std::uint64_t sequence = contents_.next_sequence;
  for (const wire::AgentEvent& event : batch.events)
    added.push_back(wire::SequencedEvent{sequence++, event});
  std::vector<JournalEntry> written = noted_;
  written.insert(written.end(), added.begin(), added.end());
  TA_RETURN_IF_ERROR(append(pack_frame(written)).with_context("agent's journal"));
  noted_.clear();
  for (const JournalEntry& entry : added) contents_.apply(entry);
  return ok_status();
}

bool Journal::has_grown() const {
  return added_bytes_ >= std::max(rewrite_bytes_min_, base_bytes_);
}

Status Journal::append(std::string_view frame) {
  if (!file_ || has_grown()) return rewrite(frame);
  Status written = file_->append(as_bytes(frame));
  if (written.ok()) written = file_->sync();
  if (!written.ok()) file_.reset();
  added_bytes_ += frame.size();
  return written;
}

/// What noted_ holds is written twice: in the contents, and in the frame behind them.
Status Journal::rewrite(std::string_view frame) {
  file_.reset();
  const std::string contents = pack_frame(contents_.entries());
  Path beside = path_;
  beside += ".new";
  TA_ASSIGN_OR_RETURN(auto file, write_beside(beside, contents + std::string(frame)));
  TA_RETURN_IF_ERROR(files_->rename_durable(beside, path_));
  file_ = std::move(file);
  base_bytes_ = contents.size();
  added_bytes_ = frame.size();
  return ok_status();
}

Result<std::unique_ptr<WritableFile>> Journal::write_beside(const Path& path,
                                                            std::string_view bytes) {
  TA_ASSIGN_OR_RETURN(auto file, files_->create_file(path));
  TA_RETURN_IF_ERROR(file->append(as_bytes(bytes)));
  // Where there is no room for all of it, there may be for the next frames.
  if (const Status reserved = reserve(*file, std::max(rewrite_bytes_min_, bytes.size()));
      !reserved.ok()) {
    log_debug("journal: {}", reserved.to_string());
  }
  TA_RETURN_IF_ERROR(file->sync());
  return file;
}

}  // namespace tagalign::agent
