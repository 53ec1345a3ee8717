#include "worker/rank/recorded_group.h"

namespace tagalign::jobs {

template <class Call>
auto RecordedGroup::recorded(std::string_view name, std::uint64_t bytes, Call&& call) {
  activity_.begin_collective(name, bytes);
  auto result = call();
  activity_.end_collective();
  return result;
}

Status RecordedGroup::all_reduce_sum(std::span<float> values) {
  return recorded("all_reduce_sum", values.size_bytes(),
                  [&] { return real_.all_reduce_sum(values); });
}
Status RecordedGroup::all_gather(std::span<const float> mine, std::span<float> gathered) {
  return recorded("all_gather", mine.size_bytes(),
                  [&] { return real_.all_gather(mine, gathered); });
}
Status RecordedGroup::all_reduce_sum_u64(std::span<std::uint64_t> values) {
  return recorded("all_reduce_sum_u64", values.size_bytes(),
                  [&] { return real_.all_reduce_sum_u64(values); });
}
Status RecordedGroup::all_reduce_max_u64(std::span<std::uint64_t> values) {
  return recorded("all_reduce_max_u64", values.size_bytes(),
                  [&] { return real_.all_reduce_max_u64(values); });
}
Result<std::vector<std::string>> RecordedGroup::all_gather_strings(const std::string& mine) {
  return recorded("all_gather_strings", mine.size(),
                  [&] { return real_.all_gather_strings(mine); });
}
Status RecordedGroup::barrier() {
  return recorded("barrier", 0, [&] { return real_.barrier(); });
}

}  // namespace tagalign::jobs
