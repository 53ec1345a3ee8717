#include "tests/support/memory_store.h"

#include "base/format.h"
#include "coordinator/store/fact_codec.h"

namespace tagalign::store {

Status MemoryStore::append(std::span<const core::Fact> facts) {
  if (failures_left_ > 0) {
    --failures_left_;
    return no_space("append facts: the disk is full (injected)");
  }
  for (const core::Fact& fact : facts) {
    std::string bytes = encode_fact(fact);
    const std::uint64_t checksum = row_checksum(kFactFormat, bytes);
    rows_.push_back({checksum, std::move(bytes)});
    if (const auto* known = std::get_if<core::ResultKnown>(&fact.body))
      results_.emplace(known->result.key, known->result);
  }
  return ok_status();
}

Status MemoryStore::replay(std::uint64_t after, const Visitor& visit) {
  for (std::size_t i = after; i < rows_.size(); ++i) {
    if (row_checksum(kFactFormat, rows_[i].bytes) != rows_[i].checksum) {
      return data_loss(format("fact {}: checksum differs", i + 1));
    }
    TA_ASSIGN_OR_RETURN(const core::Fact fact, decode_fact(kFactFormat, rows_[i].bytes));
    visit(i + 1, fact);
  }
  return ok_status();
}

Status MemoryStore::save_snapshot(const core::State& state) {
  snapshot_.emplace(rows_.size(), encode_snapshot(state));
  return ok_status();
}

Result<Snapshot> MemoryStore::newest_snapshot() {
  if (read_failures_left_ > 0) {
    --read_failures_left_;
    return unavailable("read facts: another program holds the database (injected)");
  }
  if (!snapshot_) return Snapshot{};
  TA_ASSIGN_OR_RETURN(core::State state, decode_snapshot(kFactFormat, snapshot_->second));
  return Snapshot{snapshot_->first, std::move(state)};
}

Result<std::optional<wire::EvaluationResult>> MemoryStore::result(const std::string& key) {
  const auto found = results_.find(key);
  if (found == results_.end()) return std::optional<wire::EvaluationResult>();
  return std::optional(found->second);
}

void MemoryStore::damage(std::uint64_t sequence) {
  std::string& bytes = rows_.at(sequence - 1).bytes;
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
}

}  // namespace tagalign::store
