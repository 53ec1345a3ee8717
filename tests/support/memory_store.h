/// A store in memory with knobs for failure: what tests and the simulator give to a coordinator.
///
/// Holds the encoded bytes, so that every replay also passes through the codec. What was appended
/// survives a simulated crash for as long as the object does.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/store/store.h"

namespace tagalign::store {

class MemoryStore final : public Store {
 public:
  Status append(std::span<const core::Fact> facts) override;
  Status replay(std::uint64_t after, const Visitor& visit) override;
  Status save_snapshot(const core::State& state) override;
  Result<Snapshot> newest_snapshot() override;
  Result<std::optional<wire::EvaluationResult>> result(const std::string& key) override;
  std::uint64_t fact_count() const override { return rows_.size(); }

  /// The next `count` appends fail as a full disk does and store nothing.
  void fail_appends(int count) { failures_left_ = count; }
  /// The next `count` reads find the database held by another program.
  void fail_reads(int count) { read_failures_left_ = count; }
  /// Flips one bit of the row with this sequence number.
  void damage(std::uint64_t sequence);

 private:
  struct Row {
    std::uint64_t checksum;
    std::string bytes;
  };
  std::vector<Row> rows_;
  std::map<std::string, wire::EvaluationResult> results_;
  std::optional<std::pair<std::uint64_t, std::string>> snapshot_;  ///< sequence, bytes
  int failures_left_ = 0;
  int read_failures_left_ = 0;
};

}  // namespace tagalign::store
