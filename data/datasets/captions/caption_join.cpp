#include "data/datasets/captions/caption_join.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/counted.h"
#include "base/format.h"
#include "base/json_text.h"
#include "base/utf8.h"
#include "data/datasets/captions/caption_rows.h"
#include "data/datasets/captions/caption_table.h"
#include "data/datasets/captions/image_names.h"
#include "data/datasets/captions/tag_table.h"

namespace tagalign::data {
namespace {

using Json = nlohmann::json;
constexpr std::size_t kExamples = 10;

/// The first ten of those that found no partner.
struct Unmatched {
  std::uint64_t count = 0;
  std::vector<std::string> examples;

  void add(std::string_view name) {
    ++count;
    if (examples.size() < kExamples) examples.emplace_back(name);
  }
};

std::string list_of(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name.substr(0, 120);
  return list.empty() ? "none" : list;
}

/// A table of tags, and which images it knew.
class TagSource {
 public:
  Status read(FileSystem& files, const Path& path, std::size_t names, const Path& scratch) {
    TA_ASSIGN_OR_RETURN(table_, TagTable::read(files, path, names, scratch));
    return ok_status();
  }
  bool is_read() const { return table_.has_value(); }

  /// Of an image that asks once; nothing when it has no entry.
  std::optional<std::vector<std::int32_t>> find(std::string_view file, std::string_view url) {
    ++asked_;
    auto match = table_->find(file, url);
    if (!match) {
      without_.add(file);
      return std::nullopt;
    }
    ++joins_[static_cast<std::size_t>(match->by)];
    ambiguous_ += match->is_ambiguous ? 1 : 0;
    return std::move(match->tags);
  }
  std::uint64_t asked() const { return asked_; }
  std::uint64_t without_entry() const { return without_.count; }
  std::string images_without_entry() const { return list_of(without_.examples); }

  std::string first_entries() const {
    std::vector<std::string> entries;
    for (std::size_t i = 0; i < std::min(table_->size(), kExamples); ++i)
      entries.emplace_back(table_->name(i));
    return list_of(entries);
  }
  /// Where images were not found by their file names alone. `what`: "tags".
  std::optional<std::string> notice(const Path& path, std::string_view what) const {
    if (joined(TagJoin::kFile) + without_.count == asked_) return std::nullopt;
    return format(
        "{}: {} {} by file name, {} by URL, {} by key, {} by the last part of the path ({} several "
        "entries, of which the first counts)",
        path.string(), counted(joined(TagJoin::kFile), "image takes its", "images take their"),
        what, joined(TagJoin::kUrl), joined(TagJoin::kKey), joined(TagJoin::kBaseName),
        counted(ambiguous_, "of those has", "of those have"));
  }

 private:
  std::uint64_t joined(TagJoin by) const { return joins_[static_cast<std::size_t>(by)]; }

  std::optional<TagTable> table_;
  std::uint64_t asked_ = 0, ambiguous_ = 0;
  std::array<std::uint64_t, kTagJoins> joins_{};
  Unmatched without_;
};

class CaptionJoin {
 public:
  CaptionJoin(FileSystem& files, const CaptionDatasetOptions& options, const ShardRoot& root,
              const TagNameLists& names, const RecordFileTarget& target)
      : files_(files),
        options_(options),
        root_(root),
        names_(names),
        derived_{options.cache, options.scratch},
        writer_(files, target) {}

  Status read() {
    const Path scratch = scratch_folder(derived_);
    if (!options_.tags.empty())
      TA_RETURN_IF_ERROR(tags_.read(files_, options_.tags, names_.tags.size(), scratch));
    if (!options_.attributes.empty())
      TA_RETURN_IF_ERROR(
          attributes_.read(files_, options_.attributes, names_.attributes.size(), scratch));
    if (options_.captions.empty()) return read_shards();
    TA_ASSIGN_OR_RETURN(CaptionRows rows, CaptionRows::open(files_, options_.captions));
    if (root_.is_image_folder && rows.is_csv()) return read_files(rows);
    return read_rows(rows);
  }

  Result<JoinedCaptions> finish(const std::string& stamp) {
    TA_RETURN_IF_ERROR(check_tags());
    TA_RETURN_IF_ERROR(check_attributes());
    tell_rows();
    if (tags_.is_read()) tell_tags();
    if (attributes_.is_read()) tell_attributes();
    JoinedCaptions joined;
    joined.digest = writer_.digest(names_.tags, names_.attributes);
    joined.notices = std::move(notices_);
    const Json meta = {{"stamp", stamp}, {"digest", joined.digest}, {"notices", joined.notices}};
    TA_ASSIGN_OR_RETURN(joined.table, writer_.finish(json_text(meta)));
    return joined;
  }

 private:
  /// Files of a folder are looked for when they are read.
  Status read_files(CaptionRows& rows) {
    while (true) {
      TA_ASSIGN_OR_RETURN(const auto row, rows.next());
      if (!row) break;
      const MemberPlace place{.coding = MemberCoding::kFile};
      TA_RETURN_IF_ERROR(add(row->file, *row, {0, place, row->file}));
    }
    add_notices(rows);
    return ok_status();
  }

  void add_notices(const CaptionRows& rows) {
    for (const std::string& notice : rows.notices()) notices_.push_back(notice);
  }

  /// The texts beside the images are the captions.
  Status read_shards() {
    TA_RETURN_IF_ERROR(open_shards());
    ImageNames names(*shards_);
    for (std::size_t image = 0; image < shards_->size(); ++image) {
      const ShardMember member = shards_->image(image);
      if (member.is_duplicate || names.find_name(member.name) != image) {
        ++duplicates_;
      } else if (!member.has_caption) {
        images_.add(member.name);
      } else {
        CaptionRow row;
        row.url = member.url;
        row.caption = repair_utf8(member.caption, row.bad_bytes);
        TA_RETURN_IF_ERROR(add(member.name, row, address_of(image, member)));
      }
    }
    return ok_status();
  }

  /// Each row finds its image.
  Status read_rows(CaptionRows& rows) {
    TA_RETURN_IF_ERROR(open_shards());
    ImageNames names(*shards_);
    std::vector<bool> used(shards_->size());
    while (true) {
      TA_ASSIGN_OR_RETURN(auto row, rows.next());
      if (!row) break;
      ++rows_;
      const auto found = names.find(*row);
      if (!found) {
        without_image_.add(row->key());
        continue;
      }
      ++joins_[static_cast<std::size_t>(found->by)];
      used[found->image] = true;
      const ShardMember member = shards_->image(found->image);
      if (row->url.empty()) row->url = member.url;
      TA_RETURN_IF_ERROR(add(row->is_url() ? member.name : std::string_view(row->file), *row,
                             address_of(found->image, member)));
    }
    for (std::size_t image = 0; image < used.size(); ++image)
      if (!used[image]) images_.add(shards_->image(image).name);
    add_notices(rows);
    return check_rows();
  }

  Status open_shards() {
    TA_ASSIGN_OR_RETURN(shards_, ShardSet::open(files_, root_.shards, derived_, options_.threads));
    notices_ = shards_->notices();
    return ok_status();
  }

  ImageAddress address_of(std::size_t image, const ShardMember& member) const {
    return {static_cast<std::uint32_t>(shards_->shard_of(image)), member.place, member.name};
  }

  Status add(std::string_view file, const CaptionRow& row, const ImageAddress& image) {
    ++total_;
    CaptionEntry entry{file, row.caption, {}, image, {}, {}};
    if (options_.keep_urls) entry.url = row.url;
    if (tags_.is_read()) {
      auto tags = tags_.find(file, row.url);
      if (!tags) return ok_status();
      entry.tags = std::move(*tags);
    }
    if (attributes_.is_read()) {
      if (auto found = attributes_.find(file, row.url)) entry.attributes = std::move(*found);
    }
    if (row.caption.empty()) ++empty_;
    if (row.bad_bytes > 0) repaired_.add(file);
    return writer_.add(entry);
  }

  /// The smaller side counts: most of a large list may well be dead links.
  Status check_rows() const {
    const std::uint64_t matched = rows_ - without_image_.count;
    const std::uint64_t smaller = std::min<std::uint64_t>(rows_, shards_->size());
    if (matched * 2 >= smaller) return ok_status();
    return invalid_argument(
        format("join {} with {}: only {} of {} and {} belong together, expected at least half of "
               "the fewer; captions without image: {}; images without caption: {}",
               options_.captions.string(), options_.root.string(), matched,
               counted(rows_, "caption"), counted(shards_->size(), "image"),
               list_of(without_image_.examples), list_of(images_.examples)));
  }

  Status check_tags() const {
    const std::string about =
        (options_.captions.empty() ? options_.root : options_.captions).string();
    if (total_ == 0)
      return invalid_argument(
          format("open {}: no record is left of {}; check that there are images with captions",
                 about, rows_ + images_.count));
    if (!tags_.is_read() || writer_.size() * 2 >= total_) return ok_status();
    const std::string left = writer_.size() == 0
                                 ? "no record is"
                                 : "only " + counted(writer_.size(), "record is", "records are");
    return invalid_argument(
        format("open {}: {} left of {}; check that file names in {} equal those in the captions; "
               "images without tags: {}; entries: {}",
               about, left, total_, options_.tags.string(), tags_.images_without_entry(),
               tags_.first_entries()));
  }

  /// Images may well have none, but a list that knows none of them is that of another set.
  Status check_attributes() const {
    if (!attributes_.is_read() || attributes_.without_entry() < attributes_.asked())
      return ok_status();
    return invalid_argument(
        format("read attributes {}: expected entries for the images of {}, found none for any of "
               "{}; check that file names equal those in the captions; images: {}; entries: {}",
               options_.attributes.string(), options_.root.string(), attributes_.asked(),
               attributes_.images_without_entry(), attributes_.first_entries()));
  }

  std::string without_caption() const {
    return counted(images_.count, "image has no caption and is left out",
                   "images have no caption and are left out");
  }

  void tell_rows() {
    const auto about = options_.captions.empty() ? options_.root : options_.captions;
    const std::uint64_t matched = rows_ - without_image_.count;
    if (rows_ > 0) {
      notices_.push_back(format(
          "{}: {} of {} {} an image ({} by file name, {} by the last part of it, {} by URL, {} by "
          "its SHA-1); {}",
          about.string(), matched, counted(rows_, "caption"), for_count(matched, "has", "have"),
          joined(ImageJoin::kFile), joined(ImageJoin::kBaseName), joined(ImageJoin::kUrl),
          joined(ImageJoin::kSha1), without_caption()));
    } else if (images_.count > 0) {
      notices_.push_back(format("{}: {}", about.string(), without_caption()));
    }
    if (duplicates_ > 0)
      notices_.push_back(format("{}: {} left out", about.string(),
                                counted(duplicates_, "image whose key came before is",
                                        "images whose key came before are")));
    if (empty_ > 0)
      notices_.push_back(
          format("{}: {} empty", about.string(), counted(empty_, "caption is", "captions are")));
    if (repaired_.count > 0) {
      notices_.push_back(
          format("{}: {} of {} {} bytes that are not UTF-8, the first is that of {}; each byte "
                 "became U+FFFD",
                 about.string(), repaired_.count, counted(total_, "caption"),
                 for_count(repaired_.count, "holds", "hold"), repaired_.examples.front()));
    }
  }

  void tell_tags() {
    if (auto notice = tags_.notice(options_.tags, "tags")) notices_.push_back(*notice);
    if (tags_.without_entry() > 0)
      notices_.push_back(format("{} of {} {} left out", tags_.without_entry(),
                                counted(total_, "image"),
                                for_count(tags_.without_entry(), "has no tag entry and is",
                                          "have no tag entry and are")));
  }

  void tell_attributes() {
    if (auto notice = attributes_.notice(options_.attributes, "attributes"))
      notices_.push_back(*notice);
    if (attributes_.without_entry() > 0)
      notices_.push_back(
          format("{} of {} {} used without", attributes_.without_entry(),
                 counted(attributes_.asked(), "image"),
                 for_count(attributes_.without_entry(), "has no attribute entry and is",
                           "have no attribute entry and are")));
  }

  std::uint64_t joined(ImageJoin by) const { return joins_[static_cast<std::size_t>(by)]; }

  FileSystem& files_;
  const CaptionDatasetOptions& options_;
  const ShardRoot& root_;
  const TagNameLists& names_;
  const DerivedFolders derived_;
  CaptionTableWriter writer_;
  std::optional<ShardSet> shards_;
  TagSource tags_, attributes_;
  std::vector<std::string> notices_;
  std::uint64_t rows_ = 0;   ///< that had to find an image
  std::uint64_t total_ = 0;  ///< images with a caption
  std::uint64_t duplicates_ = 0, empty_ = 0;
  Unmatched without_image_, images_, repaired_;
  std::array<std::uint64_t, kImageJoins> joins_{};
};

}  // namespace

Result<JoinedCaptions> join_captions(FileSystem& files, const CaptionDatasetOptions& options,
                                     const ShardRoot& root, const TagNameLists& names,
                                     const RecordFileTarget& target, const std::string& stamp) {
  CaptionJoin join(files, options, root, names, target);
  TA_RETURN_IF_ERROR(join.read());
  return join.finish(stamp);
}

Result<JoinedCaptions> open_joined(const Path& file, const std::string& stamp) {
  JoinedCaptions joined;
  TA_ASSIGN_OR_RETURN(joined.table, RecordFile::open(file, RecordFileKind::kCaptions));
  const Json meta = Json::parse(joined.table.meta(), nullptr, false);
  if (!meta.is_object() || meta.value("stamp", "") != stamp)
    return not_found(format("{} was made from other files", file.string()));
  joined.digest = meta.value("digest", "");
  joined.notices = meta.value("notices", std::vector<std::string>());
  return joined;
}

}  // namespace tagalign::data
