/// Images with pixel labels in the layouts in which public benchmarks come: NAME + suffix below an
/// image folder and a label folder, at any depth, all of them or those of a list.
///
/// Immutable after open(); read() is safe from several threads.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/status.h"
#include "data/datasets/label_rules.h"
#include "data/image/image.h"

namespace tagalign::data {

struct SegmentationDatasetOptions {
  std::string name;
  Path images;   ///< folder
  Path labels;   ///< folder
  Path classes;  ///< file, one class a line; "name;synonym" is one class
  int ignore_index = 255;
  bool reduce_zero_label = false;  ///< 0 becomes ignore_index, ids above 0 move down by one
  Path split;                      ///< file, one NAME a line; empty: every image
  std::string image_suffix;  ///< what follows NAME; empty: .jpg, .jpeg or .png, and no other files
  std::string label_suffix = ".png";
  LabelEncoding label_encoding = LabelEncoding::kIndex;
  std::vector<std::string> class_names;  ///< not empty: the classes; `classes` is not read
  int expected_images = 0;               ///< another number is refused; 0: any
  /// Above, read() shrinks the image (limit_pixels); 0: never. Sizes of image and label may then
  /// differ, as the reference lets them.
  int max_pixels = 0;
  int max_pixels_side = 1000;
};

/// The classes that `options` name, in the list or in the file. kInvalidArgument for an ignore_index
/// beyond 16 bits, more classes than ids, and what class_list.h refuses.
Result<std::vector<std::string>> classes_of(FileSystem& files,
                                            const SegmentationDatasetOptions& options);
LabelRules label_rules_of(const SegmentationDatasetOptions& options, std::size_t classes);

struct SegmentationSample {
  std::string name;  ///< NAME, with '/' where it lies in subfolders
  Image image;       ///< RGB, as OpenCV reads it, at most max_pixels
  LabelMap label;    ///< after reduce_zero_label; the image's size unless max_pixels is set
};

class SegmentationDataset {
 public:
  /// Reads folders, list and classes, no image. Errors name the folder or file; images without
  /// labels, strange files and bad lines of the list name the first ten.
  static Result<SegmentationDataset> open(FileSystem& files,
                                          const SegmentationDatasetOptions& options);

  const std::string& name() const { return options_.name; }
  std::size_t size() const { return items_.size(); }
  const std::vector<std::string>& classes() const { return classes_; }
  int ignore_index() const { return options_.ignore_index; }
  /// NAME of an image; they are sorted bytewise by image file.
  const std::string& item_name(std::size_t index) const { return items_.at(index).name; }
  /// kDataLoss for a broken file; kInvalidArgument for a label id that is neither a class nor
  /// ignored (names file, id, position), another encoding, another size.
  Result<SegmentationSample> read(FileSystem& files, std::size_t index) const;
  /// Hex digest of names, sizes and bytes of all files, and the classes. Reads everything.
  Result<std::string> digest(FileSystem& files) const;

 private:
  struct Item {
    std::string name;
    std::string image;  ///< below options.images
    std::string label;  ///< below options.labels
  };
  SegmentationDataset() = default;
  Result<LabelMap> read_label(FileSystem& files, const Path& path) const;

  SegmentationDatasetOptions options_;
  std::vector<Item> items_;  ///< sorted by image
  std::vector<std::string> classes_;
};

}  // namespace tagalign::data
