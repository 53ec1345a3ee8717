/// Rewrites a set of images and captions into tar shards that training reads fast: small JPEGs with
/// their captions beside them, what cannot be decoded left out and listed.
///
/// Shards are the pieces of the work: each process takes its share of them, and what is written does
/// not depend on how many there are. A shard gets its names when it is whole, so that a run that was
/// killed goes on at the shards that are missing.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/status.h"
#include "data/pack/packed_image.h"
#include "data/shares/work_share.h"

namespace tagalign::data {

struct PackOptions {
  /// Images in any form that data.root may have, and at most one file of captions for all of them.
  std::vector<std::string> sources;
  Path output;  ///< folder of the shards, made when it is not there
  Path cache;   ///< for indexes of the sources where these may not be written; empty: none
  PackedSize size;
  std::uint64_t shard_bytes = 512u << 20;  ///< about; the number of images a shard is fixed by it
  std::size_t threads = 0;                 ///< of this process; 0: one a core, at most eight
};

struct PackReport {
  std::uint64_t images = 0;   ///< packed
  std::uint64_t dropped = 0;  ///< listed in dropped.csv
  std::uint64_t renamed = 0;  ///< whose name came before: ~2, ~3, … stands behind theirs
  std::uint64_t bytes = 0;    ///< of all shards
  std::uint64_t shards = 0;
  std::vector<std::string> notices;  ///< of the sources: CaptionDataset::notices()
};

/// One process's view of the work.
class Packing {
 public:
  /// Joins images and captions, and fixes the plan in OUTPUT/pack.json, or takes up the one that is
  /// there: call it in one process first. kInvalidArgument when that was made from other sources or
  /// with other options, and for more than one file of captions; errors of CaptionDataset::open().
  static Result<std::unique_ptr<Packing>> open(FileSystem& files, const PackOptions& options);
  virtual ~Packing() = default;

  virtual std::uint64_t images() const = 0;
  /// Images of the shards that the share still has to make.
  virtual std::uint64_t missing(const WorkShare& share) const = 0;
  /// Makes them. `done` gets the number of further images, by one thread. False: left on request,
  /// which is looked for between batches of images.
  virtual Result<bool> pack(const WorkShare& share, const StopCheck& stop,
                            const std::function<void(std::uint64_t)>& done) = 0;
  /// Once all shards are there, by one process: dropped.csv, and pack.json says so.
  virtual Result<PackReport> finish() = 0;
};

}  // namespace tagalign::data
