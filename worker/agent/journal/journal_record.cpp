#include "worker/agent/journal/journal_record.h"

#include <cstring>
#include <optional>
#include <type_traits>

#include "base/checksum.h"
#include "base/format.h"
#include "base/overloaded.h"
#include "coordinator/wire/codec.h"

namespace tagalign::agent {
namespace {

constexpr std::string_view kMagic = "TAJ2";
constexpr std::string_view kMagicOfAnyVersion = "TAJ";
constexpr std::size_t kHeaderBytes = 16;

enum class Kind : std::uint8_t {
  kAccepted = 1,
  kOver = 2,
  kStarted = 3,
  kAcknowledged = 4,
  kEvent = 5
};

template <class Number>
void put(std::string& bytes, Number number) {
  static_assert(std::is_trivially_copyable_v<Number>);
  char raw[sizeof number];
  std::memcpy(raw, &number, sizeof number);
  bytes.append(raw, sizeof number);
}

template <class Number>
bool take(std::string_view& bytes, Number& number) {
  if (bytes.size() < sizeof number) return false;
  std::memcpy(&number, bytes.data(), sizeof number);
  bytes.remove_prefix(sizeof number);
  return true;
}

void put_entry(std::string& bytes, Kind kind, std::string_view body) {
  put(bytes, kind);
  put(bytes, static_cast<std::uint32_t>(body.size()));
  bytes.append(body);
}

std::string key_bytes(const AttemptKey& key) {
  std::string bytes;
  put(bytes, std::uint64_t{key.first.value});
  put(bytes, std::uint32_t{key.second.value});
  return bytes;
}

void put_entry(std::string& bytes, const JournalEntry& entry) {
  std::visit(
      Overloaded{
          [&](const Accepted& said) { put_entry(bytes, Kind::kAccepted, key_bytes(said.key)); },
          [&](const Over& said) { put_entry(bytes, Kind::kOver, key_bytes(said.key)); },
          [&](const LauncherStarted& said) {
            std::string body = key_bytes(said.key);
            put(body, std::int32_t{said.launcher.pid});
            put(body, said.launcher.start_ticks);
            put_entry(bytes, Kind::kStarted, body);
          },
          [&](const Acknowledged& said) {
            std::string body;
            put(body, said.sequence);
            put_entry(bytes, Kind::kAcknowledged, body);
          },
          [&](const wire::SequencedEvent& event) {
            put_entry(bytes, Kind::kEvent, wire::encode(event));
          }},
      entry);
}

bool take_key(std::string_view& body, AttemptKey& key) {
  return take(body, key.first.value) && take(body, key.second.value);
}

/// An entry whose body is too short for its kind leaves nothing behind.
std::optional<JournalEntry> parse_entry(Kind kind, std::string_view body) {
  AttemptKey key;
  switch (kind) {
    case Kind::kAccepted:
      if (take_key(body, key)) return Accepted{key};
      return std::nullopt;
    case Kind::kOver:
      if (take_key(body, key)) return Over{key};
      return std::nullopt;
    case Kind::kStarted: {
      LauncherStarted started;
      if (take_key(body, started.key) && take(body, started.launcher.pid) &&
          take(body, started.launcher.start_ticks)) {
        return started;
      }
      return std::nullopt;
    }
    case Kind::kAcknowledged: {
      Acknowledged acknowledged;
      if (take(body, acknowledged.sequence)) return acknowledged;
      return std::nullopt;
    }
    case Kind::kEvent: {
      auto event = wire::decode_sequenced_event(body);
      if (event.ok()) return std::move(event).value();
      return std::nullopt;
    }
  }
  return std::nullopt;
}

bool parse_entries(std::string_view body, std::vector<JournalEntry>& entries) {
  while (!body.empty()) {
    Kind kind{};
    std::uint32_t length = 0;
    if (!take(body, kind) || !take(body, length) || length > body.size()) return false;
    auto entry = parse_entry(kind, body.substr(0, length));
    if (!entry) return false;
    entries.push_back(std::move(*entry));
    body.remove_prefix(length);
  }
  return true;
}

/// The body of a whole, undamaged frame at the front.
std::optional<std::string_view> frame_body(std::string_view bytes) {
  if (bytes.size() < kHeaderBytes || !bytes.starts_with(kMagic)) return std::nullopt;
  bytes.remove_prefix(kMagic.size());
  std::uint32_t length = 0;
  std::uint64_t digest = 0;
  if (!take(bytes, length) || !take(bytes, digest) || length > bytes.size()) return std::nullopt;
  const std::string_view body = bytes.substr(0, length);
  if (digest64(as_bytes(body)) != digest) return std::nullopt;
  return body;
}

bool any_frame_within(std::string_view bytes) {
  for (auto at = bytes.find(kMagic); at != std::string_view::npos;
       at = bytes.find(kMagic, at + 1)) {
    if (frame_body(bytes.substr(at))) return true;
  }
  return false;
}

}  // namespace

std::string pack_frame(std::span<const JournalEntry> entries) {
  std::string body;
  for (const JournalEntry& entry : entries) put_entry(body, entry);
  std::string frame(kMagic);
  put(frame, static_cast<std::uint32_t>(body.size()));
  put(frame, digest64(as_bytes(body)));
  return frame.append(body);
}

Result<UnpackedJournal> unpack_journal(std::string_view bytes) {
  if (!bytes.starts_with(kMagic) && bytes.starts_with(kMagicOfAnyVersion)) {
    return unsupported(format("expected format {}, found {}", kMagic, bytes.substr(0, 4)));
  }
  UnpackedJournal journal;
  const std::size_t size = bytes.size();
  while (!bytes.empty()) {
    const auto body = frame_body(bytes);
    const std::size_t offset = size - bytes.size();
    if (!body && offset > 0 && !any_frame_within(bytes.substr(1))) break;
    // The first frame and all that have a successor were whole before anything followed them.
    if (!body || !parse_entries(*body, journal.entries)) {
      return data_loss(
          format("expected a whole frame at byte {} of {}, found a damaged one", offset, size));
    }
    bytes.remove_prefix(kHeaderBytes + body->size());
  }
  // Room for later frames (base/reserved_file.h) is all zeros.
  journal.torn_bytes = bytes.find_last_not_of('\0') + 1;
  return journal;
}

}  // namespace tagalign::agent
