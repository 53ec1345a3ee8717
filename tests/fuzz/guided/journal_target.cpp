/// The agent's journal: as it lies there, and as the body of a frame whose checksum fits.
#include <cstring>

#include "base/checksum.h"
#include "tests/fuzz/guided/target.h"
#include "tests/support/sample_messages.h"
#include "worker/agent/journal/journal_record.h"

namespace tagalign::fuzz {
namespace {

using namespace agent;

void check_journal(std::string_view bytes) {
  const auto journal = unpack_journal(bytes);
  if (!journal.ok()) {
    TA_CHECK(journal.status().code() == ErrorCode::kDataLoss ||
                 journal.status().code() == ErrorCode::kUnsupported,
             "damage is kDataLoss, another format kUnsupported");
    return;
  }
  TA_CHECK(journal->torn_bytes <= bytes.size(), "what is torn was there");
  const std::string again = pack_frame(journal->entries);
  const auto twice = unpack_journal(again);
  TA_CHECK(twice.ok() && twice->torn_bytes == 0, "what is written reads");
  TA_CHECK(pack_frame(twice->entries) == again, "entries have one encoding");
}

std::string framed(std::string_view body) {
  std::string frame = pack_frame({});
  const auto length = static_cast<std::uint32_t>(body.size());
  const std::uint64_t digest = digest64(as_bytes(body));
  std::memcpy(frame.data() + 4, &length, sizeof length);
  std::memcpy(frame.data() + 8, &digest, sizeof digest);
  return frame.append(body);
}

void attack_journal(std::string_view bytes) {
  check_journal(bytes);
  check_journal(framed(bytes));
  check_journal(framed("") + framed(bytes) + std::string(bytes));
}

std::vector<std::string> journal_seeds() {
  const AttemptKey key{{1}, {2}};
  std::vector<JournalEntry> entries{Accepted{key}, Over{key}, LauncherStarted{key, {42, 99}},
                                    Acknowledged{7}};
  entries.push_back(wire::SequencedEvent{8, wire::AttemptStarted{{1}, {2}, 3, 4}});
  entries.push_back(wire::SequencedEvent{9, wire::ResultReported{{1}, {2}, wire::sample_result()}});
  std::vector<std::string> seeds;
  for (const JournalEntry& entry : entries) {
    const std::string frame = pack_frame(std::span(&entry, 1));
    seeds.push_back(frame);
    seeds.push_back(frame.substr(pack_frame({}).size()));
  }
  seeds.push_back(pack_frame(entries));
  return seeds;
}

}  // namespace

const Target kJournal{"journal", attack_journal, journal_seeds};

}  // namespace tagalign::fuzz
