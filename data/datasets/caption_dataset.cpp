#include "data/datasets/caption_dataset.h"

#include <algorithm>
#include <iterator>
#include <system_error>

#include "base/checksum.h"
#include "base/format.h"
#include "base/limits.h"
#include "data/datasets/captions/caption_join.h"
#include "data/datasets/captions/caption_rows.h"
#include "data/datasets/captions/caption_table.h"
#include "data/datasets/captions/tag_names.h"

namespace tagalign::data {
namespace {

/// Rises when the same files would be joined in another way.
constexpr int kJoinRules = 1;

/// Names, sizes and times of all that a table is made from.
class Stamp {
 public:
  explicit Stamp(bool keep_urls) { names_.update(keep_urls ? "urls\n" : "\n"); }
  void begin(std::string_view part) { names_.update(format("{}\n", part)); }
  Status add(const Path& path) {
    if (path.empty()) return ok_status();
    TA_ASSIGN_OR_RETURN(const FileStamp stamp, stamp_of(path));
    const std::string name = std::filesystem::absolute(path).lexically_normal().string();
    names_.update(name + "\n");
    all_.update(format("{} {} {}\n", name, stamp.bytes, stamp.modified_ns));
    return ok_status();
  }
  /// Of folders that are listed: an image that comes or goes changes one of these.
  Status add_folders_in(const Path& folder) {
    std::error_code error;
    std::vector<Path> folders;
    for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end;
         it.increment(error)) {
      if (is_folder(it->path()) && !it->path().filename().string().starts_with('.'))
        folders.push_back(it->path());
    }
    if (error) return errno_status(error.value(), "list folder " + folder.string());
    std::sort(folders.begin(), folders.end());
    for (const Path& one : folders) TA_RETURN_IF_ERROR(add(one));
    return ok_status();
  }
  std::string names() const { return names_.digest().hex(); }
  std::string all() const { return format("{}:{}", kJoinRules, all_.digest().hex()); }

 private:
  Hasher128 names_;
  Hasher128 all_;
};

Result<Stamp> stamp_inputs(FileSystem& files, const CaptionDatasetOptions& options,
                           const ShardRoot& root) {
  Stamp stamp(options.keep_urls);
  for (const Path* path : {&options.captions, &options.tags, &options.tag_names})
    TA_RETURN_IF_ERROR(stamp.add(*path));
  if (!options.attributes.empty()) {
    stamp.begin("attributes");  // the same files as tags give another table
    TA_RETURN_IF_ERROR(stamp.add(options.attributes));
    TA_RETURN_IF_ERROR(stamp.add(options.attribute_names));
  }
  bool lists = options.captions.empty();
  if (!lists) {
    TA_ASSIGN_OR_RETURN(const CaptionRows rows, CaptionRows::open(files, options.captions));
    lists = !rows.is_csv();
  }
  if (root.is_image_folder && !lists) return stamp;
  for (const Path& shard : root.shards) TA_RETURN_IF_ERROR(stamp.add(shard));
  if (root.is_image_folder) TA_RETURN_IF_ERROR(stamp.add_folders_in(options.root));
  return stamp;
}

/// A table that is too large for the memory is kept, and serves the next start.
Result<JoinedCaptions> open_or_join(FileSystem& files, const CaptionDatasetOptions& options,
                                    const ShardRoot& root, const TagNameLists& names) {
  const DerivedFolders derived{options.cache, options.scratch};
  TA_ASSIGN_OR_RETURN(const Stamp stamp, stamp_inputs(files, options, root));
  const std::string name = "captions-" + stamp.names() + ".records";
  const bool beside_captions = root.is_image_folder && !options.captions.empty();
  const Path home = beside_captions        ? options.captions.parent_path()
                    : root.is_image_folder ? root.shards.front()
                                           : root.shards.front().parent_path();
  std::vector<std::string> damaged;
  for (const Path& folder : derived_folders_to_read(home, derived)) {
    if (!data::exists(folder / name)) continue;
    auto stored = open_joined(folder / name, stamp.all());
    if (stored.ok()) return stored;
    if (stored.status().code() == ErrorCode::kDataLoss)
      damaged.push_back(format("{} was damaged and is made again", (folder / name).string()));
  }
  RecordFileTarget target{.file = {}, .scratch = scratch_folder(derived)};
  target.find_file = [&] {
    const Path folder = derived_folder(home, derived);
    return folder.empty() ? Path() : folder / name;
  };
  auto joined = join_captions(files, options, root, names, target, stamp.all());
  if (joined.ok()) std::ranges::move(damaged, std::back_inserter(joined->notices));
  return joined;
}

/// The names of one kind of tags; both files are given, or none.
Result<std::vector<std::string>> names_of(FileSystem& files, const CaptionDatasetOptions& options,
                                          const Path& table, const Path& names,
                                          std::string_view kind) {
  if (table.empty() != names.empty()) {
    return invalid_argument(
        format("open {}: {}s and {} names belong together, but only {} is given",
               options.captions.string(), kind, kind,
               table.empty() ? format("{} names", kind) : format("{}s", kind)));
  }
  if (table.empty()) return std::vector<std::string>();
  return read_tag_names(files, names);
}

/// A folder that is not there shows when its images are read, as each missing image does.
Result<ShardRoot> root_of(const CaptionDatasetOptions& options) {
  auto root = find_shards(options.root.string());
  const bool missing = root.status().code() == ErrorCode::kNotFound;
  if (missing && !options.captions.empty() && options.root.string().find('*') == std::string::npos)
    return ShardRoot{true, {options.root}};
  return root;
}

}  // namespace

Result<CaptionDataset> CaptionDataset::open(FileSystem& files,
                                            const CaptionDatasetOptions& options) {
  CaptionDataset dataset;
  dataset.root_ = options.root;
  TagNameLists names;
  TA_ASSIGN_OR_RETURN(names.tags, names_of(files, options, options.tags, options.tag_names, "tag"));
  TA_ASSIGN_OR_RETURN(names.attributes, names_of(files, options, options.attributes,
                                                 options.attribute_names, "attribute"));
  TA_ASSIGN_OR_RETURN(const ShardRoot root, root_of(options));
  TA_ASSIGN_OR_RETURN(JoinedCaptions joined, open_or_join(files, options, root, names));
  dataset.tag_names_ = std::move(names.tags);
  dataset.attribute_names_ = std::move(names.attributes);
  dataset.table_ = std::move(joined.table);
  dataset.notices_ = std::move(joined.notices);
  dataset.digest_ = std::move(joined.digest);
  TA_ASSIGN_OR_RETURN(dataset.images_,
                      ImageReader::create(files, root.shards, {options.cache, options.scratch}));
  return dataset;
}

CaptionRecord CaptionDataset::record(std::size_t index) const {
  CaptionEntry entry = caption_entry(table_, index);
  return {entry.file, entry.caption, std::move(entry.tags), std::move(entry.attributes)};
}

std::string_view CaptionDataset::url(std::size_t index) const {
  return caption_entry(table_, index).url;
}

Result<std::string> CaptionDataset::read_image(std::size_t index) const {
  return images_->read(caption_entry(table_, index).image);
}

std::string CaptionDataset::image_name(std::size_t index) const {
  return images_->describe(caption_entry(table_, index).image);
}

}  // namespace tagalign::data
