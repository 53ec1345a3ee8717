/// One seat in a fixed group of ranks: the few collectives that training needs, on raw spans.
///
/// Implementations: threads (in process, real arithmetic, for tests), mpi, nccl (device memory).
/// All add in rank order pairwise the same way on every call of equal size, so that equal world
/// sizes give equal bits.
///
/// Order     all ranks issue the same collectives in the same order; errors name the
///           collective's number, so that ranks which disagree can be found afterwards.
/// Blocking  every call returns when its result is in place, or with kTimeout after the group's
///           deadline.
/// Failure   the first error sticks: later calls return it at once. kPeerLost and kTimeout mean
///           that the group is finished; a new one is formed under a new attempt.
/// Threads   one thread issues work; abort() alone may be called from any thread, at any time,
///           and more than once.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/status.h"

namespace tagalign::collectives {

/// Where the pointers of a group's spans must point.
enum class Memory { kHost, kDevice };

class CollectiveGroup {
 public:
  virtual ~CollectiveGroup() = default;

  virtual int rank() const = 0;
  virtual int size() const = 0;
  virtual Memory memory() const = 0;

  /// In place, element by element, over all ranks. On device groups the span is device memory.
  virtual Status all_reduce_sum(std::span<float> values) = 0;
  /// `gathered` = the ranks' `mine` in rank order; gathered.size() == size() · mine.size().
  virtual Status all_gather(std::span<const float> mine, std::span<float> gathered) = 0;

  /// Host memory in every implementation: counts and control.
  virtual Status all_reduce_sum_u64(std::span<std::uint64_t> values) = 0;
  virtual Status all_reduce_max_u64(std::span<std::uint64_t> values) = 0;
  /// One string of each rank, in rank order, on all ranks.
  virtual Result<std::vector<std::string>> all_gather_strings(const std::string& mine) = 0;
  virtual Status barrier() = 0;

  virtual void abort(const std::string& reason) = 0;
};

/// The seats of an in-process group; use each from its own thread.
std::vector<std::unique_ptr<CollectiveGroup>> make_thread_groups(int size, std::int64_t timeout_ms);

}  // namespace tagalign::collectives
