#include "data/benchmarks/check.h"

#include <algorithm>
#include <bitset>
#include <map>
#include <mutex>
#include <set>

#include "base/format.h"
#include "base/limits.h"
#include "data/benchmarks/convert/converter_parts.h"
#include "data/benchmarks/sources/source_tree.h"
#include "data/image/image.h"
#include "data/image/parallel.h"

namespace tagalign::data {
namespace {

/// Offenders of all kinds, from several threads.
class Collector {
 public:
  void add(FindingKind kind, std::string file, std::string detail) {
    const std::lock_guard lock(mutex_);
    found_[kind].push_back({std::move(file), std::move(detail)});
  }

  std::vector<Finding> findings() && {
    std::vector<Finding> all;
    for (auto& [kind, offenders] : found_) {
      std::sort(offenders.begin(), offenders.end());
      const std::size_t count = offenders.size();
      offenders.resize(std::min(count, kOffendersNamed));
      all.push_back({kind, count, std::move(offenders)});
    }
    return all;
  }

 private:
  std::mutex mutex_;
  std::map<FindingKind, std::vector<Offender>> found_;
};

/// Path below a folder without its suffix ("lindau/lindau_000000_000019") → path below the folder.
using Keys = std::map<std::string, std::string>;

struct Listing {
  Keys keys;
  std::vector<std::string> others;  ///< files with no such suffix
};

Result<Listing> list_files(FileSystem& files, const Path& folder,
                           const std::vector<std::string>& suffixes, bool any_case) {
  TA_ASSIGN_OR_RETURN(const SourceTree tree, SourceTree::scan(files, folder, {}));
  Listing listing;
  for (const SourceFolder* part : tree.find_all([](const SourceFolder&) { return true; })) {
    for (const std::string& name : part->files) {
      const std::string file = (part->path / name).lexically_relative(folder).string();
      const auto suffix = std::find_if(suffixes.begin(), suffixes.end(), [&](const auto& each) {
        return any_case ? ends_like(file, each) : file.ends_with(each);
      });
      if (suffix == suffixes.end())
        listing.others.push_back(file);
      else
        listing.keys.emplace(without_suffix(file, *suffix), file);
    }
  }
  return listing;
}

/// The ids that may be stored.
std::bitset<65536> allowed_ids(const CheckOptions& options) {
  std::bitset<65536> allowed;
  const int count = options.class_count + (options.reduce_zero_label ? 1 : 0);
  for (int id = 0; id < count; ++id) allowed.set(static_cast<std::size_t>(id));
  allowed.set(static_cast<std::size_t>(options.ignore_index));
  return allowed;
}

/// Whether a PNG that could be decoded stores colours rather than grey values or indices.
bool stores_colours(std::string_view png) {
  constexpr std::size_t kColourType = 25;
  return png[kColourType] == 2 || png[kColourType] == 6;
}

/// One image with its label.
struct Pair {
  std::string image;
  std::string label;
};

class PairChecker {
 public:
  PairChecker(FileSystem& files, const CheckOptions& options, Collector& collector)
      : files_(files), options_(options), collector_(collector), allowed_(allowed_ids(options)) {}

  void check(const Pair& pair) const {
    const auto image =
        read_image(files_, options_.root / options_.images / pair.image, ReadAs::kEvaluation);
    if (!image.ok())
      collector_.add(FindingKind::kUnreadableImage, pair.image, image.status().message());
    const Path path = options_.root / options_.labels / pair.label;
    const auto bytes = files_.read_file(path, limits::kImageFileBytesMax);
    const auto label =
        bytes.ok() ? decode_label_png(*bytes, path.string()) : Result<LabelMap>(bytes.status());
    if (!label.ok()) {
      collector_.add(FindingKind::kUnreadableLabel, pair.label, label.status().message());
      return;
    }
    if (has_encoding(pair, *bytes)) check_ids(pair, *label);
    if (image.ok() && (image->width != label->width || image->height != label->height)) {
      collector_.add(FindingKind::kSizeMismatch, pair.label,
                     format("the image is {} x {}, the label {} x {}", image->width, image->height,
                            label->width, label->height));
    }
  }

 private:
  bool has_encoding(const Pair& pair, std::string_view bytes) const {
    if (stores_colours(bytes) == options_.colour_labels) return true;
    collector_.add(FindingKind::kWrongEncoding, pair.label,
                   options_.colour_labels
                       ? "expected colours (R + 256·G), found a grey or palette PNG"
                       : "expected a grey or palette PNG of indices, found colours");
    return false;
  }

  void check_ids(const Pair& pair, const LabelMap& label) const {
    std::size_t first = label.ids.size();
    std::uint64_t wrong = 0;
    for (std::size_t i = 0; i < label.ids.size(); ++i) {
      if (allowed_.test(label.ids[i])) continue;
      if (wrong++ == 0) first = i;
    }
    if (wrong == 0) return;
    const auto width = static_cast<std::size_t>(label.width);
    const int largest = options_.class_count - (options_.reduce_zero_label ? 0 : 1);
    collector_.add(
        FindingKind::kIdOutOfRange, pair.label,
        format("expected 0 … {} or {}, found {} at x {}, y {} ({} pixels in all)", largest,
               options_.ignore_index, label.ids[first], first % width, first / width, wrong));
  }

  FileSystem& files_;
  const CheckOptions& options_;
  Collector& collector_;
  std::bitset<65536> allowed_;
};

struct Listings {
  Listing images;
  Listing labels;
};

Result<Listings> list_both(FileSystem& files, const CheckOptions& options) {
  Listings both;
  for (const std::string& part : {options.images, options.labels}) {
    if (files.exists(options.root / part)) continue;
    return not_found(
        format("check {}: expected the folder {}, found none; prepare it with "
               "`tagalign data prepare {}`, or name another with --root",
               options.name, (options.root / part).string(), options.name));
  }
  TA_ASSIGN_OR_RETURN(both.images, list_files(files, options.root / options.images,
                                              options.image_suffixes, options.any_case));
  TA_ASSIGN_OR_RETURN(both.labels, list_files(files, options.root / options.labels,
                                              {options.label_suffix}, options.any_case));
  return both;
}

/// The images of the benchmark by key: those listed, or all.
Result<std::vector<std::string>> chosen_keys(FileSystem& files, const CheckOptions& options,
                                             const Listings& both) {
  if (!options.split.empty()) return read_name_list(files, options.root / options.split);
  std::set<std::string> keys;
  for (const auto& [key, file] : both.images.keys) keys.insert(key);
  for (const auto& [key, file] : both.labels.keys) keys.insert(key);
  return std::vector<std::string>(keys.begin(), keys.end());
}

std::vector<Pair> pair_up(const CheckOptions& options, const Listings& both,
                          const std::vector<std::string>& keys, Collector& collector) {
  std::vector<Pair> pairs;
  for (const std::string& key : keys) {
    const auto image = both.images.keys.find(key);
    const auto label = both.labels.keys.find(key);
    const std::string label_name = key + options.label_suffix;
    if (image == both.images.keys.end())
      collector.add(FindingKind::kMissingImage, key + options.image_suffixes.front(),
                    label == both.labels.keys.end() ? "listed" : "its label is there");
    if (label == both.labels.keys.end())
      collector.add(FindingKind::kMissingLabel, label_name,
                    image == both.images.keys.end() ? "listed" : "its image is there");
    if (image != both.images.keys.end() && label != both.labels.keys.end())
      pairs.push_back({image->second, label->second});
  }
  return pairs;
}

/// Another file of one of the images, as Cityscapes and COCO keep them side by side: its path
/// begins with the image's.
bool is_sibling(const Keys& images, const std::string& file) {
  const auto next = images.upper_bound(file);
  return next != images.begin() && file.starts_with(std::prev(next)->first);
}

void collect_extras(const CheckOptions& options, const Listings& both, Collector& collector) {
  for (const std::string& file : both.images.others) {
    collector.add(FindingKind::kExtraFile, (Path(options.images) / file).string(),
                  format("does not end in {}", fmt::join(options.image_suffixes, ", ")));
  }
  for (const std::string& file : both.labels.others) {
    if (is_sibling(both.images.keys, file)) continue;
    collector.add(FindingKind::kExtraFile, (Path(options.labels) / file).string(),
                  format("does not end in {}", options.label_suffix));
  }
}

Status check_options(const CheckOptions& options) {
  if (options.class_count < 1 || options.class_count > 65535 || options.ignore_index < 0 ||
      options.ignore_index > 65535 || options.image_suffixes.empty()) {
    return invalid_argument(format(
        "check {}: expected 1 … 65535 classes, an ignored id of 0 … 65535 and an image suffix, "
        "found {}, {} and {} suffixes",
        options.name, options.class_count, options.ignore_index, options.image_suffixes.size()));
  }
  return {};
}

}  // namespace

Result<CheckReport> check_dataset(FileSystem& files, Clock& clock, const CheckOptions& options,
                                  const ProgressCallback& progress) {
  TA_RETURN_IF_ERROR(check_options(options));
  TA_ASSIGN_OR_RETURN(const Listings both, list_both(files, options));
  TA_ASSIGN_OR_RETURN(const auto keys, chosen_keys(files, options, both));
  Collector collector;
  CheckReport report{options.name, options.root, keys.size(), options.images_expected, {}};
  if (options.images_expected && *options.images_expected != keys.size()) {
    collector.add(FindingKind::kCount, options.split.empty() ? options.images : options.split,
                  format("expected {} images, found {}", *options.images_expected, keys.size()));
  }
  const std::vector<Pair> pairs = pair_up(options, both, keys, collector);
  collect_extras(options, both, collector);
  const PairChecker checker(files, options, collector);
  ProgressMeter meter(clock, pairs.size(), progress);
  const std::size_t threads = options.threads == 0 ? usual_threads() : options.threads;
  TA_RETURN_IF_ERROR(in_parallel(pairs.size(), threads, [&](std::size_t i) -> Status {
    checker.check(pairs[i]);
    meter.add(true);
    return {};
  }));
  report.findings = std::move(collector).findings();
  return report;
}

}  // namespace tagalign::data
