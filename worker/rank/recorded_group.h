/// A group whose collectives are written down as they begin and end, so that ranks which wait for
/// each other can be compared. Borrows both. Threads: as the group that it passes on to.
#pragma once

#include "worker/collectives/collective_group.h"
#include "worker/rank/activity.h"

namespace tagalign::jobs {

class RecordedGroup final : public collectives::CollectiveGroup {
 public:
  RecordedGroup(collectives::CollectiveGroup& real, Activity& activity)
      : real_(real), activity_(activity) {}

  int rank() const override { return real_.rank(); }
  int size() const override { return real_.size(); }
  collectives::Memory memory() const override { return real_.memory(); }

  Status all_reduce_sum(std::span<float> values) override;
  Status all_gather(std::span<const float> mine, std::span<float> gathered) override;
  Status all_reduce_sum_u64(std::span<std::uint64_t> values) override;
  Status all_reduce_max_u64(std::span<std::uint64_t> values) override;
  Result<std::vector<std::string>> all_gather_strings(const std::string& mine) override;
  Status barrier() override;
  void abort(const std::string& reason) override { real_.abort(reason); }

 private:
  template <class Call>
  auto recorded(std::string_view name, std::uint64_t bytes, Call&& call);

  collectives::CollectiveGroup& real_;
  Activity& activity_;
};

}  // namespace tagalign::jobs
