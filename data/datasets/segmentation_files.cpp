#include "data/datasets/segmentation_files.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string_view>

#include "base/format.h"
#include "base/limits.h"
#include "data/datasets/csv.h"
#include "data/datasets/text_lines.h"

namespace tagalign::data {
namespace {

constexpr std::size_t kOffendersNamed = 10;
constexpr int kFolderDepthMax = 16;
constexpr std::array<std::string_view, 3> kImageEndings = {".jpg", ".jpeg", ".png"};

/// NAME → file, both relative to a folder.
using Names = std::map<std::string, std::string>;

class Offenders {
 public:
  void add(std::string text) { texts_.push_back(std::move(text)); }
  bool empty() const { return texts_.empty(); }
  std::string summary() const {
    std::string joined;
    for (std::size_t i = 0; i < std::min(texts_.size(), kOffendersNamed); ++i)
      joined += (i > 0 ? ", " : "") + texts_[i];
    if (texts_.size() > kOffendersNamed)
      joined += format(" and {} more", texts_.size() - kOffendersNamed);
    return joined;
  }

 private:
  std::vector<std::string> texts_;
};

/// What follows NAME in a folder.
struct Endings {
  std::vector<std::string> suffixes;
  bool any_case = false;
  bool strict = false;  ///< other files are offenders

  /// The characters of `file` that the suffix takes; 0: none fits.
  std::size_t match(const std::string& file) const {
    for (const std::string& suffix : suffixes) {
      if (file.size() <= suffix.size()) continue;
      const auto same = [this](char a, char b) {
        return a == b || (any_case && a >= 'A' && a <= 'Z' && a + 32 == b);
      };
      if (std::equal(suffix.rbegin(), suffix.rend(), file.rbegin(),
                     [&](char b, char a) { return same(a, b); })) {
        return suffix.size();
      }
    }
    return 0;
  }
};

Endings image_endings(const SegmentationDatasetOptions& options) {
  if (!options.image_suffix.empty()) return {.suffixes = {options.image_suffix}};
  return {
      .suffixes = {kImageEndings.begin(), kImageEndings.end()}, .any_case = true, .strict = true};
}

Endings label_endings(const SegmentationDatasetOptions& options) {
  return {.suffixes = {options.label_suffix},
          .any_case = options.image_suffix.empty(),
          .strict = options.image_suffix.empty()};
}

/// Walks one folder; hidden files do not count.
class Walk {
 public:
  Walk(FileSystem& files, const Path& root, const Endings& endings, Offenders& offenders)
      : files_(files), root_(root), endings_(endings), offenders_(offenders) {}

  Result<Names> run() {
    TA_ASSIGN_OR_RETURN(const auto entries, files_.list_directory(root_));
    TA_RETURN_IF_ERROR(enter("", entries, 0));
    return std::move(names_);
  }

 private:
  Status enter(const std::string& prefix, const std::vector<std::string>& entries, int depth) {
    if (depth > kFolderDepthMax) {
      return invalid_argument(format("list {}: folders nest deeper than {}; is there a circle?",
                                     (root_ / prefix).string(), kFolderDepthMax));
    }
    for (const std::string& entry : entries) {
      if (entry.starts_with('.')) continue;
      const std::string file = prefix + entry;
      if (const std::size_t suffix = endings_.match(entry); suffix > 0) {
        add(file.substr(0, file.size() - suffix), file);
      } else if (const auto below = files_.list_directory(root_ / file); below.ok()) {
        TA_RETURN_IF_ERROR(enter(file + "/", *below, depth + 1));
      } else if (below.status().code() == ErrorCode::kPermissionDenied) {
        return below.status();
      } else if (endings_.strict) {
        offenders_.add(file + " (neither image nor label)");
      }
    }
    return ok_status();
  }

  void add(const std::string& name, const std::string& file) {
    const auto [other, fresh] = names_.emplace(name, file);
    if (!fresh) offenders_.add(format("{} (same name as {})", file, other->second));
  }

  FileSystem& files_;
  const Path& root_;
  const Endings& endings_;
  Offenders& offenders_;
  Names names_;
};

/// Every image with every label.
Result<std::vector<SegmentationPair>> pair_all(FileSystem& files,
                                               const SegmentationDatasetOptions& options,
                                               Offenders& offenders) {
  const Endings for_images = image_endings(options), for_labels = label_endings(options);
  TA_ASSIGN_OR_RETURN(const Names images, Walk(files, options.images, for_images, offenders).run());
  TA_ASSIGN_OR_RETURN(const Names labels, Walk(files, options.labels, for_labels, offenders).run());
  std::vector<SegmentationPair> pairs;
  for (const auto& [name, image] : images) {
    const auto label = labels.find(name);
    if (label == labels.end()) {
      offenders.add(image + " (no label)");
    } else {
      pairs.push_back({name, image, label->second});
    }
  }
  for (const auto& [name, label] : labels) {
    if (!images.contains(name)) offenders.add(label + " (label without image)");
  }
  return pairs;
}

bool leads_out(const std::string& name) {
  const Path path(name);
  return path.is_absolute() || std::ranges::find(path, Path("..")) != path.end();
}

/// The file NAME + ending that is there; empty: none is.
std::string existing(FileSystem& files, const Path& folder, const std::string& name,
                     const Endings& endings) {
  for (const std::string& suffix : endings.suffixes) {
    if (files.exists(folder / (name + suffix))) return name + suffix;
  }
  return "";
}

/// The images that the list names; a line is taken without the blanks around it.
Result<std::vector<SegmentationPair>> pair_listed(FileSystem& files,
                                                  const SegmentationDatasetOptions& options,
                                                  Offenders& offenders) {
  TA_ASSIGN_OR_RETURN(const std::string text,
                      files.read_file(options.split, limits::kConfigFileBytesMax));
  TA_RETURN_IF_ERROR(check_encoding(text, "read split " + options.split.string()));
  const Endings for_images = image_endings(options), for_labels = label_endings(options);
  std::vector<SegmentationPair> pairs;
  std::set<std::string> seen;
  for (const std::string_view line : text_lines(text)) {
    const std::string name(line);
    if (name.empty()) continue;
    if (leads_out(name)) {
      offenders.add(name + " (leads out of the folder)");
      continue;
    }
    if (!seen.insert(name).second) {
      offenders.add(name + " (stands in the list twice)");
      continue;
    }
    SegmentationPair pair{name, existing(files, options.images, name, for_images),
                          existing(files, options.labels, name, for_labels)};
    if (pair.image.empty()) {
      offenders.add(name + " (no image)");
    } else if (pair.label.empty()) {
      offenders.add(name + " (no label)");
    } else {
      pairs.push_back(std::move(pair));
    }
  }
  return pairs;
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

Result<std::vector<SegmentationPair>> find_pairs(FileSystem& files,
                                                 const SegmentationDatasetOptions& options) {
  Offenders offenders;
  TA_ASSIGN_OR_RETURN(auto pairs, options.split.empty() ? pair_all(files, options, offenders)
                                                        : pair_listed(files, options, offenders));
  if (!offenders.empty()) return refuse(options, offenders.summary());
  if (pairs.empty()) return refuse(options, "none");
  const auto expected = static_cast<std::size_t>(options.expected_images);
  if (expected > 0 && pairs.size() != expected) {
    return invalid_argument(
        format("open data set {}: expected {} images in {}, found {}; complete the data set, or "
               "set expected_images to 0 if it is meant to be another one",
               options.name, expected, options.images.string(), pairs.size()));
  }
  std::ranges::sort(pairs, {}, &SegmentationPair::image);
  return pairs;
}

}  // namespace tagalign::data
