#include "data/datasets/segmentation_files.h"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>

#include "base/counted.h"
#include "base/format.h"
#include "base/limits.h"
#include "base/utf8.h"
#include "data/datasets/text_lines.h"

namespace tagalign::data {
namespace {

constexpr std::size_t kOffendersNamed = 10;

std::string summary(const std::vector<Misfit>& misfits) {
  std::string joined;
  for (std::size_t i = 0; i < std::min(misfits.size(), kOffendersNamed); ++i)
    joined += format("{}{} ({})", i > 0 ? ", " : "", printable(misfits[i].file), misfits[i].why);
  if (misfits.size() > kOffendersNamed)
    joined += format(" and {} more", misfits.size() - kOffendersNamed);
  return joined;
}

/// Doubles and, where they are refused, other files of one folder.
void add_strangers(const FolderFiles& found, const Path& folder, bool strict, PairSearch& search) {
  for (const auto& [file, other] : found.doubles) {
    search.misfits.push_back({.kind = Misfit::Kind::kSameName,
                              .file = file,
                              .why = "same name as " + printable(other),
                              .folder = folder});
  }
  if (!strict) return;
  for (const std::string& file : found.others) {
    search.misfits.push_back({.kind = Misfit::Kind::kStrange,
                              .file = file,
                              .why = "neither image nor label",
                              .folder = folder});
  }
}

/// A pair, or a misfit that tells which part is missing.
void add_pair(SegmentationPair pair, const SegmentationDatasetOptions& options,
              PairSearch& search) {
  ++search.names;
  if (!pair.image.empty() && !pair.label.empty()) {
    search.pairs.push_back(std::move(pair));
    return;
  }
  const bool listed = !options.split.empty();
  Misfit misfit{.kind = Misfit::Kind::kIncomplete, .pair = pair};
  if (listed) {
    misfit.file = pair.name;
    misfit.why = pair.image.empty() ? "no image" : "no label";
  } else {
    misfit.file = pair.image.empty() ? pair.label : pair.image;
    misfit.why = pair.image.empty() ? "label without image" : "no label";
    misfit.folder = pair.image.empty() ? options.labels : options.images;
  }
  search.misfits.push_back(std::move(misfit));
}

/// Every image with every label.
Result<PairSearch> search_all(FileSystem& files, const SegmentationDatasetOptions& options) {
  TA_ASSIGN_OR_RETURN(const FolderFiles images,
                      list_folder(files, options.images, image_endings(options)));
  TA_ASSIGN_OR_RETURN(const FolderFiles labels,
                      list_folder(files, options.labels, label_endings(options)));
  PairSearch search;
  add_strangers(images, options.images, is_strict(options), search);
  add_strangers(labels, options.labels, is_strict(options), search);
  for (const auto& [name, image] : images.by_name) {
    const auto label = labels.by_name.find(name);
    add_pair({name, image, label == labels.by_name.end() ? "" : label->second}, options, search);
  }
  for (const auto& [name, label] : labels.by_name) {
    if (!images.by_name.contains(name)) add_pair({name, "", label}, options, search);
  }
  return search;
}

bool leads_out(const std::string& name) {
  const Path path(name);
  return path.is_absolute() || std::ranges::find(path, Path("..")) != path.end();
}

/// Looks names up in a folder without walking all of it: lists each subfolder that a name lies in, once.
class NameLookup {
 public:
  NameLookup(FileSystem& files, Path root, Endings endings)
      : files_(files), root_(std::move(root)), endings_(std::move(endings)) {}

  /// The file below the folder; empty: there is none.
  std::string find(const std::string& name) {
    const Path path = Path(name).lexically_normal();
    const auto& stems = stems_in(path.parent_path());
    const auto found = stems.find(path.filename().string());
    return found == stems.end() ? "" : (path.parent_path() / found->second).string();
  }

 private:
  using Stems = std::map<std::string, std::string>;

  const Stems& stems_in(const Path& folder) {
    const auto [known, fresh] = folders_.try_emplace(folder.string());
    if (!fresh) return known->second;
    const auto entries = files_.list_directory(root_ / folder);
    if (!entries.ok()) return known->second;
    for (const std::string& suffix : endings_.suffixes) {  // of several files the first ending's
      const Endings one{{suffix}, endings_.any_case};
      for (const std::string& entry : *entries) {
        if (one.match(entry) > 0)
          known->second.emplace(entry.substr(0, entry.size() - suffix.size()), entry);
      }
    }
    return known->second;
  }

  FileSystem& files_;
  Path root_;
  Endings endings_;
  std::map<std::string, Stems> folders_;
};

/// The images that the list names.
Result<PairSearch> search_listed(FileSystem& files, const SegmentationDatasetOptions& options) {
  TA_ASSIGN_OR_RETURN(const std::string text,
                      files.read_file(options.split, limits::kConfigFileBytesMax));
  TA_RETURN_IF_ERROR(check_encoding(text, "read split " + options.split.string()));
  NameLookup images(files, options.images, image_endings(options));
  NameLookup labels(files, options.labels, label_endings(options));
  PairSearch search;
  std::set<std::string> seen;
  for (const std::string_view line : text_lines(text)) {
    const std::string name(line);
    if (name.empty()) continue;
    const bool out = leads_out(name);
    if (out || !seen.insert(name).second) {
      search.misfits.push_back(
          {.kind = Misfit::Kind::kBadLine,
           .file = name,
           .why = out ? "leads out of the folder" : "stands in the list twice"});
    } else {
      add_pair({name, images.find(name), labels.find(name)}, options, search);
    }
  }
  return search;
}

std::string image_pattern(const SegmentationDatasetOptions& options) {
  return options.image_suffix.empty() ? "NAME.jpg or NAME.png" : "NAME" + options.image_suffix;
}

Status refuse(const SegmentationDatasetOptions& options, const std::string& found) {
  const std::string whose =
      options.split.empty() ? "" : format(" that {} names", options.split.string());
  return invalid_argument(
      format("open data set {}: expected a label NAME{} in {} for each image {} in {}{}; found {}",
             options.name, options.label_suffix, options.labels.string(), image_pattern(options),
             options.images.string(), whose, found));
}

}  // namespace

Endings image_endings(const SegmentationDatasetOptions& options) {
  if (is_strict(options)) return usual_image_endings();
  return {.suffixes = {options.image_suffix}};
}

Endings label_endings(const SegmentationDatasetOptions& options) {
  return {.suffixes = {options.label_suffix}, .any_case = is_strict(options)};
}

bool is_strict(const SegmentationDatasetOptions& options) {
  return options.image_suffix.empty();
}

Result<PairSearch> search_pairs(FileSystem& files, const SegmentationDatasetOptions& options) {
  TA_ASSIGN_OR_RETURN(PairSearch search, options.split.empty() ? search_all(files, options)
                                                               : search_listed(files, options));
  std::ranges::sort(search.pairs, {}, &SegmentationPair::image);
  return search;
}

Result<std::vector<SegmentationPair>> find_pairs(FileSystem& files,
                                                 const SegmentationDatasetOptions& options) {
  TA_ASSIGN_OR_RETURN(PairSearch search, search_pairs(files, options));
  if (!search.misfits.empty()) return refuse(options, summary(search.misfits));
  if (search.pairs.empty()) return refuse(options, "none");
  const auto expected = static_cast<std::size_t>(options.expected_images);
  if (expected > 0 && search.pairs.size() != expected) {
    return invalid_argument(format(
        "open data set {}: expected {} in {}, found {}; complete the data set, or "
        "set expected_images to 0 if it is meant to be another one",
        options.name, counted(expected, "image"), options.images.string(), search.pairs.size()));
  }
  return std::move(search.pairs);
}

}  // namespace tagalign::data
