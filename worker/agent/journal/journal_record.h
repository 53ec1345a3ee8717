/// The journal's bytes: entries to frames and back, as pure functions. journal.md is the format.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/status.h"
#include "coordinator/wire/messages.h"
#include "worker/agent/gangs/process_name.h"

namespace tagalign::agent {

/// The attempt is taken, and may be launched from now on.
struct Accepted {
  AttemptKey key;
};
/// The attempt and all older ones of its job have been taken, and are over.
struct Over {
  AttemptKey key;
};
struct LauncherStarted {
  AttemptKey key;
  ProcessName launcher;
};
/// Events up to and including `sequence` are no longer needed.
struct Acknowledged {
  std::uint64_t sequence = 0;
};

using JournalEntry =
    std::variant<Accepted, Over, LauncherStarted, Acknowledged, wire::SequencedEvent>;

/// All entries in one frame: a reader finds all of them or none.
std::string pack_frame(std::span<const JournalEntry> entries);

struct UnpackedJournal {
  std::vector<JournalEntry> entries;
  std::size_t torn_bytes = 0;  ///< of an incomplete frame at the end
};
/// kDataLoss when anything but the last frame is damaged, kUnsupported for another format.
Result<UnpackedJournal> unpack_journal(std::string_view bytes);

}  // namespace tagalign::agent
