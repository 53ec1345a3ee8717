/// Makes one packed shard. For data/pack.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/file_system.h"
#include "base/status.h"
#include "data/pack/pack_plan.h"
#include "data/pack/pack_source.h"
#include "data/shares/work_share.h"

namespace tagalign::data {

/// OUTPUT/00012.tar, …_stats.json as img2dataset writes it, and …_dropped.csv.
struct ShardNames {
  Path tar, statistics, dropped;
};
ShardNames shard_names(const Path& output, std::uint64_t shard);

struct PackedCounts {
  std::uint64_t packed = 0;
  std::uint64_t dropped = 0;
};
/// Nothing until the shard is whole: the statistics are written last.
Result<PackedCounts> read_counts(FileSystem& files, const ShardNames& names);

struct ShardWork {
  FileSystem& files;
  const PackSource& source;
  const PackPlan& plan;
  Path output;
  std::size_t threads = 1;
  const StopCheck& stop;                           ///< asked between batches
  const std::function<void(std::uint64_t)>& done;  ///< gets the images of each batch
};
/// False: left on request, nothing of it stays. Errors: trouble of the machine and of the disk; an
/// image that cannot be read or decoded is dropped.
Result<bool> pack_shard(const ShardWork& work, std::uint64_t shard);

}  // namespace tagalign::data
