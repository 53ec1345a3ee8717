#include "data/datasets/segmentation_dataset.h"

#include <algorithm>

#include "base/checksum.h"
#include "base/format.h"
#include "base/limits.h"
#include "data/datasets/class_list.h"
#include "data/datasets/segmentation_files.h"

namespace tagalign::data {

Result<std::vector<std::string>> classes_of(FileSystem& files,
                                            const SegmentationDatasetOptions& options) {
  constexpr int kIdMax = 65535;
  if (options.ignore_index < 0 || options.ignore_index > kIdMax) {
    return invalid_argument(format("data set {}: expected an ignore_index of 0 … {}, found {}",
                                   options.name, kIdMax, options.ignore_index));
  }
  std::vector<std::string> classes = options.class_names;
  if (classes.empty()) {
    TA_ASSIGN_OR_RETURN(classes, read_classes(files, options.classes));
  } else {
    TA_RETURN_IF_ERROR(
        check_class_names(classes, format("data set {}: class_names", options.name)));
  }
  if (classes.size() > static_cast<std::size_t>(kIdMax)) {
    return invalid_argument(format("data set {}: expected at most {} classes, found {}",
                                   options.name, kIdMax, classes.size()));
  }
  return classes;
}

LabelRules label_rules_of(const SegmentationDatasetOptions& options, std::size_t classes) {
  return {.classes = classes,
          .ignore_index = options.ignore_index,
          .reduce_zero_label = options.reduce_zero_label,
          .encoding = options.label_encoding};
}

Result<SegmentationDataset> SegmentationDataset::open(FileSystem& files,
                                                      const SegmentationDatasetOptions& options) {
  SegmentationDataset dataset;
  dataset.options_ = options;
  TA_ASSIGN_OR_RETURN(dataset.classes_, classes_of(files, options));
  TA_ASSIGN_OR_RETURN(const auto pairs, find_pairs(files, options));
  for (const auto& pair : pairs) dataset.items_.push_back({pair.name, pair.image, pair.label});
  return dataset;
}

Result<LabelMap> SegmentationDataset::read_label(FileSystem& files, const Path& path) const {
  TA_ASSIGN_OR_RETURN(const std::string bytes, files.read_file(path, limits::kImageFileBytesMax));
  TA_ASSIGN_OR_RETURN(LabelMap label, decode_label_png(bytes, path.string()));
  const auto fault = find_label_fault(bytes, label, label_rules_of(options_, classes_.size()));
  if (fault) {
    const bool id = fault->kind == LabelFault::Kind::kId;
    return invalid_argument(format("read labels {}: {}{}", path.string(), fault->text,
                                   id ? "; mend the mask or the list of classes" : ""));
  }
  if (options_.reduce_zero_label) reduce_zero_label(label, options_.ignore_index);
  return label;
}

Result<SegmentationSample> SegmentationDataset::read(FileSystem& files, std::size_t index) const {
  TA_CHECK(index < items_.size());
  const Item& item = items_[index];
  const Path label_path = options_.labels / item.label;
  SegmentationSample sample{.name = item.name};
  TA_ASSIGN_OR_RETURN(sample.image,
                      read_image(files, options_.images / item.image, ReadAs::kEvaluation));
  TA_ASSIGN_OR_RETURN(sample.label, read_label(files, label_path));
  if (options_.max_pixels > 0) {
    const Size size = limit_pixels({sample.image.width, sample.image.height}, options_.max_pixels,
                                   options_.max_pixels_side);
    sample.image = resize_bilinear_opencv(sample.image, size.width, size.height);
  } else if (sample.image.width != sample.label.width ||
             sample.image.height != sample.label.height) {
    return invalid_argument(format(
        "read {}: expected the size of its image, {} x {}, found {} x {}", label_path.string(),
        sample.image.width, sample.image.height, sample.label.width, sample.label.height));
  }
  return sample;
}

Result<std::string> SegmentationDataset::digest(FileSystem& files) const {
  Hasher128 hasher;
  const auto add = [&](std::string_view text) {
    hasher.update(format("{}:{}", text.size(), text));
  };
  for (const Item& item : items_) {
    add(item.image);
    for (const Path& path : {options_.images / item.image, options_.labels / item.label}) {
      TA_ASSIGN_OR_RETURN(const std::uint64_t bytes, files.file_size(path));
      TA_ASSIGN_OR_RETURN(const Digest128 digest, digest_file(files, path));
      hasher.update(format("{}:{}", bytes, digest.hex()));
    }
  }
  for (const std::string& name : classes_) add(name);
  hasher.update(format("ignore {} reduce {}", options_.ignore_index, options_.reduce_zero_label));
  return hasher.digest().hex();
}

}  // namespace tagalign::data
