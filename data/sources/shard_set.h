/// All shards of a data set, each with its index.
///
/// An index lies in `.tagalign-index/` beside its shard, or, where nobody may write there, below
/// the cache folder; where that is missing too it is made anew at every start, in memory. It is
/// made again when the shard's size or time has changed, so that a run that was killed while
/// indexing goes on behind the last finished shard.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/status.h"
#include "data/sources/shard_index.h"

namespace tagalign::data {

/// Files below one name of the configuration.
struct ShardRoot {
  bool is_image_folder = false;  ///< then `shards` is that folder alone
  std::vector<Path> shards;      ///< sorted bytewise
};

/// A folder of images, a zip, a tar, a folder of zips and tars (one with images beside them is a
/// folder of images), or a pattern with * ? [ ] for several. kNotFound, kInvalidArgument
/// with what was found.
Result<ShardRoot> find_shards(const std::string& root);

/// Folders for what is derived from data.
struct DerivedFolders {
  Path cache;    ///< where the data's own folder may not be written; empty: none
  Path scratch;  ///< for files that do not outlive the process; empty: the system's
};

/// Where something derived from what lies in `folder` is kept: beside it, in the cache, or nowhere
/// (empty). Makes the folder.
Path derived_folder(const Path& folder, const DerivedFolders& derived);
/// The same to look into, best first; makes none.
std::vector<Path> derived_folders_to_read(const Path& folder, const DerivedFolders& derived);
Path scratch_folder(const DerivedFolders& derived);

/// Opens the index of one shard, made when there is none that fits.
Result<ShardIndex> open_shard_index(FileSystem& files, const Path& shard,
                                    const DerivedFolders& derived);

/// What img2dataset wrote beside a shard, NNNNN_stats.json.
struct ShardStatistics {
  bool found = false;
  std::uint64_t expected = 0;                     ///< "successes"
  std::uint64_t count = 0;                        ///< lines that were tried
  std::map<std::string, std::uint64_t> statuses;  ///< "status_dict"
};
ShardStatistics read_shard_statistics(FileSystem& files, const Path& shard);

struct Shard {
  Path path;
  ShardIndex index;
  ShardStatistics statistics;
};

/// Immutable; safe from several threads. Images are numbered through all shards.
class ShardSet {
 public:
  /// Makes the missing indexes with `threads` threads (0: one a core, at most eight). A shard with
  /// damaged contents has a finding, one that cannot be opened is an error. `done` gets the number
  /// of finished shards, by one thread at a time.
  static Result<ShardSet> open(FileSystem& files, std::vector<Path> shards,
                               const DerivedFolders& derived, std::size_t threads = 0,
                               const std::function<void(std::size_t)>& done = {});

  std::size_t size() const { return starts_.back(); }
  const std::vector<Shard>& shards() const { return shards_; }
  std::size_t shard_of(std::size_t image) const;
  ShardMember image(std::size_t image) const;
  /// One sentence a kind of oddity, with its count and the first shard that has it.
  std::vector<std::string> notices() const;

 private:
  ShardSet() = default;
  std::vector<Shard> shards_;
  std::vector<std::size_t> starts_{0};  ///< number of the first image of each shard, and the end
};

}  // namespace tagalign::data
