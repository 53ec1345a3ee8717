#include "data/benchmarks/check.h"

#include <algorithm>
#include <map>
#include <mutex>

#include "base/counted.h"
#include "base/format.h"
#include "base/limits.h"
#include "data/benchmarks/label_census.h"
#include "data/datasets/segmentation_files.h"
#include "data/image/image.h"
#include "data/shares/parallel.h"

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

class PairChecker {
 public:
  PairChecker(FileSystem& files, const CheckOptions& options, const LabelRules& rules,
              LabelCensus& census, Collector& collector)
      : files_(files),
        dataset_(options.dataset),
        rules_(rules),
        census_(census),
        collector_(collector) {}

  void check(const SegmentationPair& pair) const {
    const auto image = read_image(files_, dataset_.images / pair.image, ReadAs::kEvaluation);
    if (!image.ok())
      collector_.add(FindingKind::kUnreadableImage, pair.image, image.status().message());
    const Path path = dataset_.labels / pair.label;
    const auto bytes = files_.read_file(path, limits::kImageFileBytesMax);
    auto label =
        bytes.ok() ? decode_label_png(*bytes, path.string()) : Result<LabelMap>(bytes.status());
    if (!label.ok()) {
      collector_.add(FindingKind::kUnreadableLabel, pair.label, label.status().message());
      return;
    }
    if (image.ok()) check_size(pair, *image, *label);
    check_ids(pair, *bytes, std::move(*label));
  }

 private:
  void check_size(const SegmentationPair& pair, const Image& image, const LabelMap& label) const {
    const bool may_differ = dataset_.max_pixels > 0;
    if (may_differ || (image.width == label.width && image.height == label.height)) return;
    collector_.add(FindingKind::kSizeMismatch, pair.label,
                   format("the image is {} x {}, the label {} x {}", image.width, image.height,
                          label.width, label.height));
  }

  void check_ids(const SegmentationPair& pair, std::string_view bytes, LabelMap label) const {
    const auto fault = find_label_fault(bytes, label, rules_);
    if (!fault) return census_.add(std::move(label));
    collector_.add(fault->kind == LabelFault::Kind::kId ? FindingKind::kIdOutOfRange
                                                        : FindingKind::kWrongEncoding,
                   pair.label, fault->text);
  }

  FileSystem& files_;
  const SegmentationDatasetOptions& dataset_;
  const LabelRules& rules_;
  LabelCensus& census_;
  Collector& collector_;
};

Status check_folders(FileSystem& files, const CheckOptions& options) {
  for (const Path& folder : {options.dataset.images, options.dataset.labels}) {
    if (files.exists(folder)) continue;
    return not_found(
        format("check {0}: expected the folder {1}, found none; prepare it with "
               "`tagalign data prepare {0}`, or name another with --root",
               options.dataset.name, folder.string()));
  }
  return {};
}

std::string below(const Path& root, const Path& path) {
  return path.lexically_relative(root).string();
}

void add_incomplete(const SegmentationDatasetOptions& dataset, const SegmentationPair& pair,
                    Collector& collector) {
  if (pair.image.empty()) {
    collector.add(FindingKind::kMissingImage, pair.name + image_endings(dataset).suffixes.front(),
                  pair.label.empty() ? "listed" : "its label is there");
  }
  if (pair.label.empty()) {
    collector.add(FindingKind::kMissingLabel, pair.name + dataset.label_suffix,
                  pair.image.empty() ? "listed" : "its image is there");
  }
}

/// Strange files are told by collect_extras(), which knows more of them.
void collect_misfits(const CheckOptions& options, const std::vector<Misfit>& misfits,
                     Collector& collector) {
  const SegmentationDatasetOptions& dataset = options.dataset;
  for (const Misfit& misfit : misfits) {
    if (misfit.kind == Misfit::Kind::kIncomplete)
      add_incomplete(dataset, misfit.pair, collector);
    else if (misfit.kind == Misfit::Kind::kSameName)
      collector.add(FindingKind::kExtraFile, below(options.root, misfit.folder / misfit.file),
                    misfit.why);
    else if (misfit.kind == Misfit::Kind::kBadLine)
      collector.add(FindingKind::kBadLine, misfit.file, misfit.why);
  }
}

/// Another file of one of the images, as Cityscapes and COCO keep them side by side: its path
/// begins with the image's.
bool is_sibling(const FolderFiles& images, const std::string& file) {
  const auto next = images.by_name.upper_bound(file);
  return next != images.by_name.begin() && file.starts_with(std::prev(next)->first);
}

Status collect_extras(FileSystem& files, const CheckOptions& options, Collector& collector) {
  const SegmentationDatasetOptions& dataset = options.dataset;
  const Endings for_images = image_endings(dataset);
  TA_ASSIGN_OR_RETURN(const FolderFiles images, list_folder(files, dataset.images, for_images));
  TA_ASSIGN_OR_RETURN(const FolderFiles labels,
                      list_folder(files, dataset.labels, label_endings(dataset)));
  for (const std::string& file : images.others) {
    collector.add(FindingKind::kExtraFile, below(options.root, dataset.images / file),
                  format("does not end in {}", fmt::join(for_images.suffixes, ", ")));
  }
  for (const std::string& file : labels.others) {
    if (!is_strict(dataset) && is_sibling(images, file)) continue;
    collector.add(FindingKind::kExtraFile, below(options.root, dataset.labels / file),
                  format("does not end in {}", dataset.label_suffix));
  }
  return {};
}

void check_count(const CheckOptions& options, const CheckReport& report, Collector& collector) {
  const bool as_expected = !report.images_expected || *report.images_expected == report.images;
  if (as_expected && report.images > 0) return;
  const SegmentationDatasetOptions& dataset = options.dataset;
  collector.add(
      FindingKind::kCount,
      below(options.root, dataset.split.empty() ? dataset.images : dataset.split),
      format("expected {}, found {}",
             report.images_expected ? counted(*report.images_expected, "image") : "some images",
             report.images));
}

CheckReport begin_report(const CheckOptions& options, const PairSearch& search,
                         Collector& collector) {
  const SegmentationDatasetOptions& dataset = options.dataset;
  CheckReport report{.name = dataset.name, .root = options.root, .images = search.names};
  if (dataset.expected_images > 0)
    report.images_expected = static_cast<std::uint64_t>(dataset.expected_images);
  check_count(options, report, collector);
  collect_misfits(options, search.misfits, collector);
  return report;
}

}  // namespace

Result<CheckReport> refused_classes(FileSystem& files, const CheckOptions& options,
                                    const Status& why) {
  const bool is_refused =
      why.code() == ErrorCode::kInvalidArgument || why.code() == ErrorCode::kNotFound;
  if (!is_refused || why.is_of_the_place()) return why;
  TA_RETURN_IF_ERROR(check_folders(files, options));
  const SegmentationDatasetOptions& dataset = options.dataset;
  TA_ASSIGN_OR_RETURN(const PairSearch search, search_pairs(files, dataset));
  Collector collector;
  CheckReport report = begin_report(options, search, collector);
  collector.add(FindingKind::kClassList,
                dataset.classes.empty() ? "class_names" : below(options.root, dataset.classes),
                why.message());
  report.findings = std::move(collector).findings();
  report.notes = {"no image and no label was read, because it is not known what ids they may hold"};
  return report;
}

Result<CheckReport> check_dataset(FileSystem& files, Clock& clock, const CheckOptions& options,
                                  const ProgressCallback& progress) {
  const SegmentationDatasetOptions& dataset = options.dataset;
  TA_RETURN_IF_ERROR(check_folders(files, options));
  auto classes = classes_of(files, dataset);
  if (!classes.ok()) return refused_classes(files, options, classes.status());
  TA_ASSIGN_OR_RETURN(const PairSearch search, search_pairs(files, dataset));
  Collector collector;
  CheckReport report = begin_report(options, search, collector);
  TA_RETURN_IF_ERROR(collect_extras(files, options, collector));
  const LabelRules rules = label_rules_of(dataset, classes->size());
  LabelCensus census(std::move(classes).value(), rules);
  const PairChecker checker(files, options, rules, census, collector);
  ProgressMeter meter(clock, search.pairs.size(), progress);
  const std::size_t threads = options.threads == 0 ? usual_threads() : options.threads;
  TA_RETURN_IF_ERROR(in_parallel(search.pairs.size(), threads, [&](std::size_t i) -> Status {
    checker.check(search.pairs[i]);
    meter.add(true);
    return {};
  }));
  if (const auto mistake = census.mistake())
    collector.add(FindingKind::kNothingToScore, below(options.root, dataset.labels), *mistake);
  report.findings = std::move(collector).findings();
  report.notes = census.notes();
  return report;
}

}  // namespace tagalign::data
