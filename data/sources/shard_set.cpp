#include "data/sources/shard_set.h"

#include <algorithm>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/counted.h"
#include "base/format.h"
#include "base/limits.h"
#include "base/utf8.h"
#include "data/shares/parallel.h"

namespace tagalign::data {
namespace {

using Json = nlohmann::json;
constexpr const char* kFolderName = ".tagalign-index";

std::string absolute_text(const Path& path) {
  return std::filesystem::absolute(path).lexically_normal().string();
}

Path in_cache(const Path& folder, const DerivedFolders& derived) {
  return derived.cache / digest128(as_bytes(absolute_text(folder))).hex();
}

Path index_name(const Path& folder, const Path& shard) {
  return folder / (shard.filename().string() + ".index");
}

/// The stored index that fits the shard as it is now.
std::optional<ShardIndex> find_stored(const Path& shard, const FileStamp& stamp,
                                      const DerivedFolders& derived) {
  for (const Path& folder : derived_folders_to_read(shard.parent_path(), derived)) {
    const Path file = index_name(folder, shard);
    if (!data::exists(file)) continue;
    auto index = ShardIndex::open(file);
    if (index.ok() && index->stamp() == stamp) return std::move(index).value();
  }
  return std::nullopt;
}

/// Counts one kind of oddity over the shards.
struct Tally {
  std::uint64_t count = 0;
  std::uint64_t shards = 0;
  std::string first;

  void add(std::uint64_t more, const Path& shard) {
    if (more == 0) return;
    count += more;
    if (shards++ == 0) first = shard.filename().string();
  }
  /// What is said of one, and of several.
  void tell(std::vector<std::string>& notices, const char* one, const char* many) const {
    if (count > 0)
      notices.push_back(format("{}, in {}, the first is {}", counted(count, one, many),
                               counted(shards, "shard"), first));
  }
};

void tell_statistics(const std::vector<Shard>& shards, std::vector<std::string>& notices) {
  Tally missing;
  Tally fewer;
  const bool any = std::any_of(shards.begin(), shards.end(),
                               [](const Shard& shard) { return shard.statistics.found; });
  if (!any) return;
  for (const Shard& shard : shards) {
    if (!shard.statistics.found) missing.add(1, shard.path);
    if (shard.statistics.expected > shard.index.size())
      fewer.add(shard.statistics.expected - shard.index.size(), shard.path);
  }
  missing.tell(notices, "shard has no _stats.json: its download did not end",
               "shards have no _stats.json: their download did not end");
  fewer.tell(notices, "image that _stats.json counts is missing",
             "images that _stats.json counts are missing");
}

void tell_no_files(const std::vector<Shard>& shards, std::vector<std::string>& notices) {
  for (const Shard& shard : shards) {
    for (const auto& [kind, found] : shard.index.findings().no_files) {
      notices.push_back(format("{}: {} no regular {} ({}) and left out, the first is {}",
                               shard.path.string(), counted(found.count, "image is", "images are"),
                               for_count(found.count, "file", "files"), kind,
                               printable(found.first)));
    }
  }
}

}  // namespace

Path derived_folder(const Path& folder, const DerivedFolders& derived) {
  const Path beside = folder / kFolderName;
  if (is_writable_folder(beside)) return beside;
  if (derived.cache.empty()) return {};
  const Path cached = in_cache(folder, derived);
  return is_writable_folder(cached) ? cached : Path();
}

std::vector<Path> derived_folders_to_read(const Path& folder, const DerivedFolders& derived) {
  std::vector<Path> folders{folder / kFolderName};
  if (!derived.cache.empty()) folders.push_back(in_cache(folder, derived));
  return folders;
}

Path scratch_folder(const DerivedFolders& derived) {
  if (!derived.scratch.empty()) return derived.scratch;
  std::error_code error;
  const Path system = std::filesystem::temp_directory_path(error);
  return error ? Path("/tmp") : system;
}

Result<ShardIndex> open_shard_index(FileSystem& files, const Path& shard,
                                    const DerivedFolders& derived) {
  RecordFileTarget target{.file = {}, .scratch = scratch_folder(derived)};
  TA_ASSIGN_OR_RETURN(const FileStamp stamp, stamp_of(shard));
  if (!is_folder(shard)) {
    if (auto stored = find_stored(shard, stamp, derived)) return std::move(*stored);
    const Path folder = derived_folder(shard.parent_path(), derived);
    if (!folder.empty()) target.file = index_name(folder, shard);
  }
  return ShardIndex::build(files, shard, target);
}

ShardStatistics read_shard_statistics(FileSystem& files, const Path& shard) {
  ShardStatistics statistics;
  std::string stem = shard.filename().string();
  stem = stem.substr(0, stem.find('.'));
  const auto text =
      files.read_file(shard.parent_path() / (stem + "_stats.json"), limits::kShardTextBytesMax);
  if (!text.ok()) return statistics;
  const Json json = Json::parse(*text, nullptr, false);
  if (!json.is_object()) return statistics;
  const auto number = [](const Json& object, const char* name) {
    const auto field = object.find(name);
    const bool usable = field != object.end() && field->is_number_unsigned();
    return usable ? field->get<std::uint64_t>() : 0;
  };
  statistics.found = true;
  statistics.expected = number(json, "successes");
  statistics.count = number(json, "count");
  const auto statuses = json.find("status_dict");
  if (statuses == json.end() || !statuses->is_object()) return statistics;
  for (const auto& [status, count] : statuses->items())
    statistics.statuses[status] = number(*statuses, status.c_str());
  return statistics;
}

Result<ShardSet> ShardSet::open(FileSystem& files, std::vector<Path> shards,
                                const DerivedFolders& derived, std::size_t threads,
                                const std::function<void(std::size_t)>& done) {
  std::vector<std::optional<Shard>> opened(shards.size());
  std::mutex mutex;
  std::size_t finished = 0;
  TA_RETURN_IF_ERROR(in_parallel(
      shards.size(), threads == 0 ? usual_threads() : threads, [&](std::size_t i) -> Status {
        TA_ASSIGN_OR_RETURN(ShardIndex index, open_shard_index(files, shards[i], derived));
        opened[i] = Shard{shards[i], std::move(index), read_shard_statistics(files, shards[i])};
        const std::lock_guard lock(mutex);
        ++finished;
        if (done) done(finished);
        return ok_status();
      }));
  ShardSet set;
  for (auto& shard : opened) {
    set.starts_.push_back(set.starts_.back() + shard->index.size());
    set.shards_.push_back(std::move(*shard));
  }
  return set;
}

std::size_t ShardSet::shard_of(std::size_t image) const {
  const auto after = std::upper_bound(starts_.begin(), starts_.end(), image);
  return static_cast<std::size_t>(after - starts_.begin()) - 1;
}

ShardMember ShardSet::image(std::size_t image) const {
  const std::size_t shard = shard_of(image);
  return shards_[shard].index.member(image - starts_[shard]);
}

std::vector<std::string> ShardSet::notices() const {
  Tally duplicates, broken_texts, unreadable, lonely;
  std::vector<std::string> notices;
  for (const Shard& shard : shards_) {
    const ShardFindings& found = shard.index.findings();
    duplicates.add(found.duplicates, shard.path);
    broken_texts.add(found.broken_texts, shard.path);
    unreadable.add(found.unreadable, shard.path);
    lonely.add(found.captions_without_image, shard.path);
    if (!found.trouble.empty()) {
      notices.push_back(format("{}: {}; its {} before that {} used", shard.path.string(),
                               found.trouble, counted(shard.index.size(), "image"),
                               for_count(shard.index.size(), "is", "are")));
    }
  }
  duplicates.tell(notices, "image has the key of an earlier one",
                  "images have the key of an earlier one");
  broken_texts.tell(notices, "text beside images cannot be read",
                    "texts beside images cannot be read");
  unreadable.tell(notices,
                  "member cannot be read (encrypted, sparse, too large or packed in another way) "
                  "and is left out",
                  "members cannot be read (encrypted, sparse, too large or packed in another way) "
                  "and are left out");
  lonely.tell(notices, "caption has no image", "captions have no image");
  tell_no_files(shards_, notices);
  tell_statistics(shards_, notices);
  return notices;
}

}  // namespace tagalign::data
