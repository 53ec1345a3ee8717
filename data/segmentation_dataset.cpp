#include "data/segmentation_dataset.h"

#include <algorithm>
#include <array>
#include <map>

#include "base/checksum.h"
#include "base/format.h"
#include "base/limits.h"
#include "data/csv.h"

namespace tagalign::data {
namespace {

constexpr std::size_t kOffendersNamed = 10;

/// Name without its ending → file name.
using Stems = std::map<std::string, std::string>;

struct Offenders {
  std::vector<std::string> texts;

  void add(std::string text) { texts.push_back(std::move(text)); }
  std::string summary() const {
    std::string joined;
    for (std::size_t i = 0; i < std::min(texts.size(), kOffendersNamed); ++i)
      joined += (i > 0 ? ", " : "") + texts[i];
    if (texts.size() > kOffendersNamed)
      joined += format(" and {} more", texts.size() - kOffendersNamed);
    return joined;
  }
};

bool has_ending(const Path& name, const std::vector<std::string>& endings) {
  std::string ending = name.extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return std::find(endings.begin(), endings.end(), ending) != endings.end();
}

/// Files of a folder by stem; hidden ones do not count.
Result<Stems> list_stems(FileSystem& files, const Path& folder,
                         const std::vector<std::string>& endings, Offenders& offenders) {
  TA_ASSIGN_OR_RETURN(const std::vector<std::string> names, files.list_directory(folder));
  Stems stems;
  for (const std::string& name : names) {
    if (name.starts_with('.')) continue;
    if (!has_ending(name, endings)) {
      offenders.add(name + " (neither image nor label)");
    } else if (const auto [other, fresh] = stems.emplace(Path(name).stem().string(), name);
               !fresh) {
      offenders.add(format("{} (same name as {})", name, other->second));
    }
  }
  return stems;
}

Result<std::vector<std::string>> read_classes(FileSystem& files, const Path& path) {
  TA_ASSIGN_OR_RETURN(const std::string text, files.read_file(path, limits::kConfigFileBytesMax));
  std::vector<std::string> classes;
  std::size_t line = 0;
  std::size_t begin = text.starts_with("\xef\xbb\xbf") ? 3 : 0;
  while (begin < text.size()) {
    ++line;
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    std::string name = text.substr(begin, end - begin);
    begin = end + 1;
    while (!name.empty() && (name.back() == '\r' || name.back() == ' ')) name.pop_back();
    if (name.empty() && begin < text.size()) {
      return invalid_argument(format(
          "read classes {}:{}: expected a class name, found an empty line", path.string(), line));
    }
    if (!name.empty()) classes.push_back(std::move(name));
  }
  if (classes.empty())
    return invalid_argument(
        format("read classes {}: expected one class a line, found none", path.string()));
  return classes;
}

void reduce_zero_label(LabelMap& label, int ignore_index) {
  for (std::uint16_t& id : label.ids) {
    if (id == 0)
      id = static_cast<std::uint16_t>(ignore_index);
    else if (id != ignore_index)
      --id;
  }
}

Status check_ids(const LabelMap& label, std::size_t classes, int ignore_index, const Path& path) {
  for (std::size_t i = 0; i < label.ids.size(); ++i) {
    if (label.ids[i] < classes || label.ids[i] == ignore_index) continue;
    const auto width = static_cast<std::size_t>(label.width);
    return invalid_argument(
        format("read labels {}: expected ids below {} or {} (ignored), found {} at x {}, y {}; "
               "mend the mask or classes.txt",
               path.string(), classes, ignore_index, label.ids[i], i % width, i / width));
  }
  return {};
}

}  // namespace

Result<SegmentationDataset> SegmentationDataset::open(FileSystem& files,
                                                      const SegmentationDatasetOptions& options) {
  if (options.ignore_index < 0 || options.ignore_index > 65535) {
    return invalid_argument(format("open {}: expected an ignore_index of 0 … 65535, found {}",
                                   options.name, options.ignore_index));
  }
  SegmentationDataset dataset;
  dataset.options_ = options;
  TA_ASSIGN_OR_RETURN(dataset.classes_, read_classes(files, options.classes));
  Offenders offenders;
  TA_ASSIGN_OR_RETURN(const Stems images,
                      list_stems(files, options.images, {".jpg", ".jpeg", ".png"}, offenders));
  TA_ASSIGN_OR_RETURN(const Stems labels, list_stems(files, options.labels, {".png"}, offenders));
  for (const auto& [stem, name] : images) {
    if (!labels.contains(stem)) offenders.add(name + " (no label)");
    dataset.names_.push_back(name);
  }
  for (const auto& [stem, name] : labels) {
    if (!images.contains(stem)) offenders.add(name + " (label without image)");
  }
  if (!offenders.texts.empty()) {
    return invalid_argument(format(
        "open data set {}: expected a label NAME.png in {} for each image in {}, found {}",
        options.name, options.labels.string(), options.images.string(), offenders.summary()));
  }
  if (images.empty()) {
    return invalid_argument(
        format("open data set {}: expected images (.jpg, .png) in {}, found none", options.name,
               options.images.string()));
  }
  std::sort(dataset.names_.begin(), dataset.names_.end());
  return dataset;
}

Result<SegmentationSample> SegmentationDataset::read(FileSystem& files, std::size_t index) const {
  TA_CHECK(index < names_.size());
  const Path image_path = options_.images / names_[index];
  const Path label_path = options_.labels / Path(names_[index]).replace_extension(".png");
  SegmentationSample sample{.name = Path(names_[index]).stem().string()};
  TA_ASSIGN_OR_RETURN(sample.image, read_image(files, image_path, ReadAs::kEvaluation));
  TA_ASSIGN_OR_RETURN(sample.label, read_label_png(files, label_path));
  if (sample.image.width != sample.label.width || sample.image.height != sample.label.height) {
    return invalid_argument(format(
        "read {}: expected the size of its image, {} x {}, found {} x {}", label_path.string(),
        sample.image.width, sample.image.height, sample.label.width, sample.label.height));
  }
  if (options_.reduce_zero_label) reduce_zero_label(sample.label, options_.ignore_index);
  TA_RETURN_IF_ERROR(check_ids(sample.label, classes_.size(), options_.ignore_index, label_path));
  return sample;
}

Result<std::string> SegmentationDataset::digest(FileSystem& files) const {
  Hasher128 hasher;
  const auto add = [&](std::string_view text) {
    hasher.update(format("{}:{}", text.size(), text));
  };
  for (const std::string& name : names_) {
    add(name);
    for (const Path& path :
         {options_.images / name, options_.labels / Path(name).replace_extension(".png")}) {
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
