/// The encoded bytes of images, wherever they lie: a file, a member of a zip or of a tar.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.h"
#include "base/status.h"
#include "data/sources/archives/archive_walk.h"
#include "data/sources/shard_set.h"

namespace tagalign::data {

/// Which image: found once, by the index; read as often as needed.
struct ImageAddress {
  std::uint32_t shard = 0;  ///< number in the list that the reader was made with
  MemberPlace place;
  std::string_view name;  ///< path in the shard
};

/// Reads by place, in any order: one pread of a file that stays open (of a gzip'd tar: unpacks
/// from the last point in front). Safe from several threads. Borrows `files`.
class ImageReader {
 public:
  /// Opens nothing yet but the indexes of gzip'd tars (open_shard_index).
  static Result<std::shared_ptr<const ImageReader>> create(FileSystem& files,
                                                           std::vector<Path> shards,
                                                           const DerivedFolders& derived);
  virtual ~ImageReader() = default;
  /// kDataLoss when the shard does not hold what the address says; else as FileSystem::read_file.
  virtual Result<std::string> read(const ImageAddress& address) const = 0;
  /// For messages: "shards/00012.tar: 000120034.jpg", or the path of a file.
  virtual std::string describe(const ImageAddress& address) const = 0;
};

}  // namespace tagalign::data
