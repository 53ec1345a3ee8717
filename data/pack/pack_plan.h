/// What a packing will make: OUTPUT/pack.json. For data/pack.
#pragma once

#include <cstdint>
#include <string>

#include "base/file_system.h"
#include "base/status.h"
#include "data/pack/pack.h"
#include "data/pack/pack_source.h"

namespace tagalign::data {

struct PackPlan {
  std::string sources;  ///< PackSource::digest()
  std::uint64_t images = 0;
  std::uint64_t images_a_shard = 0;
  PackedSize size;
  std::uint64_t shard_bytes = 0;
  bool is_finished = false;

  std::uint64_t shards() const { return (images + images_a_shard - 1) / images_a_shard; }
  std::uint64_t begin(std::uint64_t shard) const { return shard * images_a_shard; }
  std::uint64_t end(std::uint64_t shard) const;
};

Path plan_file(const Path& output);
/// The plan that is there, when it is for these sources and options (kInvalidArgument if not); else
/// a new one, which is written. The images a shard follow from some that are packed for a trial.
Result<PackPlan> make_plan(FileSystem& files, const PackOptions& options, const PackSource& source);
Status write_plan(FileSystem& files, const Path& output, const PackPlan& plan);

}  // namespace tagalign::data
