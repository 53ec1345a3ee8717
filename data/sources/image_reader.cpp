#include "data/sources/image_reader.h"

#include <deque>
#include <map>
#include <mutex>

#include "base/limits.h"
#include "data/sources/archives/gzip_stream.h"
#include "data/sources/archives/member_reader.h"

namespace tagalign::data {
namespace {

/// Keeps shards open, and closes the one that was opened first when there are too many.
class OpenShards {
 public:
  explicit OpenShards(const std::vector<Path>& paths) : paths_(paths), files_(paths.size()) {}

  Result<std::shared_ptr<const OpenFile>> get(std::size_t shard) {
    {
      const std::lock_guard lock(mutex_);
      if (files_[shard] != nullptr) return files_[shard];
    }
    TA_ASSIGN_OR_RETURN(auto file, OpenFile::open(paths_[shard]));
    const std::lock_guard lock(mutex_);
    if (files_[shard] != nullptr) return files_[shard];
    if (order_.size() >= open_max_) {
      files_[order_.front()] = nullptr;  // a read under way holds the file
      order_.pop_front();
    }
    order_.push_back(shard);
    return files_[shard] = std::move(file);
  }

 private:
  const std::vector<Path>& paths_;
  const std::size_t open_max_ = std::max<std::size_t>(open_files_max(), 1);
  std::mutex mutex_;
  std::vector<std::shared_ptr<const OpenFile>> files_;
  std::deque<std::size_t> order_;  ///< of the open ones, oldest first
};

class Reader final : public ImageReader {
 public:
  Reader(FileSystem& files, std::vector<Path> shards, std::map<std::size_t, ShardIndex> gzipped)
      : files_(files),
        shards_(std::move(shards)),
        gzipped_(std::move(gzipped)),
        open_(std::make_unique<OpenShards>(shards_)) {}

  Result<std::string> read(const ImageAddress& address) const override {
    TA_CHECK(address.shard < shards_.size(), "shard out of range");
    if (address.place.coding == MemberCoding::kFile)
      return files_.read_file(shards_[address.shard] / address.name, limits::kImageFileBytesMax);
    TA_ASSIGN_OR_RETURN(const auto file, open_->get(address.shard));
    if (address.place.coding != MemberCoding::kInGzip) return read_member(*file, address.place);
    const auto index = gzipped_.find(address.shard);
    TA_CHECK(index != gzipped_.end(), "a gzip'd shard without an index");
    return read_in_gzip(*file, address.place, index->second.point_before(address.place.offset));
  }

  std::string describe(const ImageAddress& address) const override {
    const Path& shard = shards_[address.shard];
    if (address.place.coding == MemberCoding::kFile) return (shard / address.name).string();
    return shard.string() + ": " + std::string(address.name);
  }

 private:
  FileSystem& files_;
  std::vector<Path> shards_;
  std::map<std::size_t, ShardIndex> gzipped_;
  std::unique_ptr<OpenShards> open_;
};

}  // namespace

Result<std::shared_ptr<const ImageReader>> ImageReader::create(FileSystem& files,
                                                               std::vector<Path> shards,
                                                               const DerivedFolders& derived) {
  std::map<std::size_t, ShardIndex> gzipped;
  for (std::size_t i = 0; i < shards.size(); ++i) {
    if (is_folder(shards[i])) continue;
    const auto kind = shard_kind(shards[i]);
    if (!kind.ok() || *kind != ShardKind::kGzipTar) continue;
    TA_ASSIGN_OR_RETURN(ShardIndex index, open_shard_index(files, shards[i], derived));
    gzipped.emplace(i, std::move(index));
  }
  return std::shared_ptr<const ImageReader>(
      std::make_shared<Reader>(files, std::move(shards), std::move(gzipped)));
}

}  // namespace tagalign::data
