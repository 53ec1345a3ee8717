/// A store in memory with knobs for failure: what tests and the simulator give to a coordinator.
///
/// Holds the encoded bytes, so that every replay also passes through the codec. What was appended
/// survives a simulated crash for as long as the object does.
#pragma once

#include <utility>
#include <vector>

#include "coordinator/store/store.h"

namespace tagalign::store {

class MemoryStore final : public Store {
 public:
  Status append(std::span<const core::Event> events) override;
  Status replay(const Visitor& visit) override;
  std::uint64_t event_count() const override { return rows_.size(); }

  /// The next `count` appends fail as a full disk does and store nothing.
  void fail_appends(int count) { failures_left_ = count; }
  /// Flips one bit of the row with this sequence number.
  void damage(std::uint64_t sequence);

 private:
  struct Row {
    std::uint64_t checksum;
    std::string bytes;
  };
  std::vector<Row> rows_;
  int failures_left_ = 0;
};

}  // namespace tagalign::store
