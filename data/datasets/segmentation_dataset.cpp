#include "data/datasets/segmentation_dataset.h"

#include <algorithm>

#include "base/checksum.h"
#include "base/format.h"
#include "base/limits.h"
#include "data/datasets/segmentation_files.h"
#include "data/datasets/text_lines.h"

namespace tagalign::data {
namespace {

Result<std::vector<std::string>> read_classes(FileSystem& files, const Path& path) {
  TA_ASSIGN_OR_RETURN(const std::string text, files.read_file(path, limits::kConfigFileBytesMax));
  const std::vector<std::string_view> lines = text_lines(text);
  std::vector<std::string> classes;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (!lines[i].empty()) {
      classes.emplace_back(lines[i]);
    } else if (i + 1 < lines.size()) {
      return invalid_argument(format(
          "read classes {}:{}: expected a class name, found an empty line", path.string(), i + 1));
    }
  }
  if (classes.empty())
    return invalid_argument(
        format("read classes {}: expected one class a line, found none", path.string()));
  return classes;
}

Status check_ids(const LabelMap& label, std::size_t classes, int ignore_index, const Path& path) {
  for (std::size_t i = 0; i < label.ids.size(); ++i) {
    if (label.ids[i] < classes || label.ids[i] == ignore_index) continue;
    const auto width = static_cast<std::size_t>(label.width);
    return invalid_argument(
        format("read labels {}: expected ids below {} or {} (ignored), found {} at x {}, y {}; "
               "mend the mask or the list of classes",
               path.string(), classes, ignore_index, label.ids[i], i % width, i / width));
  }
  return {};
}

/// The colour type in a PNG's header says that pixels are RGB, with or without alpha.
bool is_rgb_png(std::string_view bytes) {
  constexpr std::size_t kColourTypeAt = 25;
  constexpr char kRgb = 2, kRgba = 6;
  return bytes.size() > kColourTypeAt &&
         (bytes[kColourTypeAt] == kRgb || bytes[kColourTypeAt] == kRgba);
}

Status check_encoding(std::string_view bytes, LabelEncoding encoding, const Path& path) {
  const bool rgb = is_rgb_png(bytes);
  if (rgb == (encoding == LabelEncoding::kRgb16)) return {};
  return invalid_argument(
      rgb ? format("read labels {}: expected a grey or palette PNG of class indices, found RGB; "
                   "label_encoding rgb16 reads R + 256·G, colours must be turned into indices",
                   path.string())
          : format("read labels {}: expected RGB (label_encoding rgb16: R + 256·G), found grey or "
                   "palette",
                   path.string()));
}

}  // namespace

void reduce_zero_label(LabelMap& label, int ignore_index) {
  for (std::uint16_t& id : label.ids) {
    if (id == 0)
      id = static_cast<std::uint16_t>(ignore_index);
    else if (id != ignore_index)
      --id;
  }
}

Result<SegmentationDataset> SegmentationDataset::open(FileSystem& files,
                                                      const SegmentationDatasetOptions& options) {
  if (options.ignore_index < 0 || options.ignore_index > 65535) {
    return invalid_argument(format("open {}: expected an ignore_index of 0 … 65535, found {}",
                                   options.name, options.ignore_index));
  }
  SegmentationDataset dataset;
  dataset.options_ = options;
  dataset.classes_ = options.class_names;
  if (dataset.classes_.empty()) {
    TA_ASSIGN_OR_RETURN(dataset.classes_, read_classes(files, options.classes));
  }
  TA_ASSIGN_OR_RETURN(const auto pairs, find_pairs(files, options));
  for (const auto& pair : pairs) dataset.items_.push_back({pair.name, pair.image, pair.label});
  return dataset;
}

Result<LabelMap> SegmentationDataset::read_label(FileSystem& files, const Path& path) const {
  TA_ASSIGN_OR_RETURN(const std::string bytes, files.read_file(path, limits::kImageFileBytesMax));
  TA_ASSIGN_OR_RETURN(LabelMap label, decode_label_png(bytes, path.string()));
  TA_RETURN_IF_ERROR(check_encoding(bytes, options_.label_encoding, path));
  if (options_.reduce_zero_label) reduce_zero_label(label, options_.ignore_index);
  TA_RETURN_IF_ERROR(check_ids(label, classes_.size(), options_.ignore_index, path));
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
