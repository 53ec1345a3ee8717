/// Which history a damaged store still gives: of all rows that verify, a snapshot and the facts that
/// follow it without a gap, as far as possible. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "coordinator/core/facts.h"

namespace tagalign::store {

/// A row as it is stored; its checksum fits.
struct FactRow {
  std::int64_t at_ms = 0;
  std::string kind;
  std::int64_t format = 0;
  std::int64_t checksum = 0;
  std::string payload;
};
struct SnapshotPart {
  std::int64_t parts = 0;
  std::int64_t format = 0;
  std::int64_t checksum = 0;
  std::string payload;
};

/// All that verifies, from wherever it was read.
struct Salvage {
  std::map<std::uint64_t, FactRow> facts;
  std::map<std::uint64_t, std::map<std::int64_t, SnapshotPart>> snapshots;  ///< by sequence, part

  /// Of a scanned or read row; takes it only if its checksum fits.
  void add_fact(std::uint64_t sequence, FactRow row);
  void add_snapshot_part(std::uint64_t sequence, std::int64_t part, SnapshotPart row);
};

struct SalvagedHistory {
  std::uint64_t snapshot = 0;  ///< 0: from the first fact on
  std::uint64_t last = 0;      ///< newest fact of the state
  core::State state;
};

/// The history that reaches farthest; nullopt when neither a snapshot nor fact 1 is left. Facts are
/// folded, so that what is returned is a state that was once true.
std::optional<SalvagedHistory> choose_history(const Salvage& salvage);

}  // namespace tagalign::store
