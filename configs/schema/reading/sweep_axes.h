/// What a job's `sweep` says: values for keys, and how they are put together. Internal to
/// configs/schema; sweep.h makes jobs of it.
///
///   grid: {steps: [1, 2], optimizer.base_lr: [1e-3, 5e-4]}     an axis for each key
///   zip:  {ranks: [1, 2], global_batch: [64, 128]}             one axis, the lists side by side
///   list: [{steps: 1}, {steps: 2, clip.attention: plain}]      one axis, written out
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "configs/schema/document/document.h"

namespace tagalign::config {

/// One key and its value, with the line on which the value was written.
struct SweptValue {
  std::string path;  ///< inside `config`; "job.KEY": a key of the job itself
  Node value;
};

/// In the order in which they are set.
using SweptValues = std::vector<SweptValue>;

struct Sweep {
  Origin origin;
  std::vector<std::vector<SweptValues>> axes;  ///< each a list of points; the first varies slowest
  int concurrency = 0;                         ///< 0: no bound
};

/// More are counted as so many.
inline constexpr std::uint64_t kCombinationsCounted = 1'000'000'000'000'000'000;

/// `path` is where `node` stands, "jobs.NAME.sweep". nullopt when a problem was added: no key or no
/// value at all, a key that cannot be swept or is swept twice, equal points, lists of a zip that
/// differ in length. Costs what the text costs, whatever the number of combinations.
std::optional<Sweep> read_sweep(const Node& node, const std::string& path, Problems& problems);

/// At most kCombinationsCounted.
std::uint64_t count_combinations(const Sweep& sweep);

/// That of `number`, below count_combinations().
SweptValues combination(const Sweep& sweep, std::uint64_t number);

}  // namespace tagalign::config
