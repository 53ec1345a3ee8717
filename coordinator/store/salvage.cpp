#include "coordinator/store/salvage.h"

#include "coordinator/store/fact_codec.h"

namespace tagalign::store {
namespace {

bool fits(std::int64_t format, std::int64_t checksum, const std::string& payload) {
  return row_checksum(static_cast<std::uint32_t>(format), payload) ==
         static_cast<std::uint64_t>(checksum);
}

/// nullopt where a part is missing or this program cannot read it.
std::optional<core::State> whole_snapshot(const std::map<std::int64_t, SnapshotPart>& parts) {
  const SnapshotPart& first = parts.begin()->second;
  if (static_cast<std::int64_t>(parts.size()) != first.parts) return std::nullopt;
  std::string bytes;
  for (const auto& [number, part] : parts) bytes += part.payload;
  auto state = decode_snapshot(static_cast<std::uint32_t>(first.format), bytes);
  if (!state.ok()) return std::nullopt;
  return std::move(*state);
}

/// Folds the facts that follow without a gap.
void fold_on(const Salvage& salvage, SalvagedHistory& history) {
  for (auto row = salvage.facts.find(history.last + 1);
       row != salvage.facts.end() && row->first == history.last + 1; ++row) {
    const auto fact =
        decode_fact(static_cast<std::uint32_t>(row->second.format), row->second.payload);
    if (!fact.ok()) return;
    core::evolve(history.state, *fact);
    history.last = row->first;
  }
}

}  // namespace

void Salvage::add_fact(std::uint64_t sequence, FactRow row) {
  if (sequence > 0 && fits(row.format, row.checksum, row.payload))
    facts.try_emplace(sequence, std::move(row));
}

void Salvage::add_snapshot_part(std::uint64_t sequence, std::int64_t part, SnapshotPart row) {
  if (part >= 0 && row.parts > 0 && fits(row.format, row.checksum, row.payload))
    snapshots[sequence].try_emplace(part, std::move(row));
}

std::optional<SalvagedHistory> choose_history(const Salvage& salvage) {
  std::optional<SalvagedHistory> best;
  const auto consider = [&](std::uint64_t sequence, core::State state) {
    SalvagedHistory history{sequence, sequence, std::move(state)};
    fold_on(salvage, history);
    if (!best || history.last >= best->last) best = std::move(history);
  };
  if (salvage.facts.contains(1)) consider(0, {});
  for (const auto& [sequence, parts] : salvage.snapshots) {
    if (auto state = whole_snapshot(parts)) consider(sequence, std::move(*state));
  }
  return best;
}

}  // namespace tagalign::store
