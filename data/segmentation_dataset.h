/// Images with pixel labels: images/NAME.{jpg,png}, labels/NAME.png, classes.txt.
///
/// Immutable after open(); read() is safe from several threads.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/status.h"
#include "data/image.h"

namespace tagalign::data {

struct SegmentationDatasetOptions {
  std::string name;
  Path images;   ///< folder
  Path labels;   ///< folder
  Path classes;  ///< file, one class a line; "name;synonym" is one class
  int ignore_index = 255;
  bool reduce_zero_label = false;  ///< 0 becomes ignore_index, ids above 0 move down by one
};

struct SegmentationSample {
  std::string name;
  Image image;     ///< RGB, as OpenCV reads it
  LabelMap label;  ///< after reduce_zero_label
};

class SegmentationDataset {
 public:
  /// Errors name the folder; an image without a label (or the reverse) names the first ten
  /// offenders.
  static Result<SegmentationDataset> open(FileSystem& files,
                                          const SegmentationDatasetOptions& options);

  const std::string& name() const { return options_.name; }
  std::size_t size() const { return names_.size(); }
  const std::vector<std::string>& classes() const { return classes_; }
  int ignore_index() const { return options_.ignore_index; }
  /// kDataLoss for a broken file; kInvalidArgument for a label id that is neither a class nor
  /// ignored (names file, id, position).
  Result<SegmentationSample> read(FileSystem& files, std::size_t index) const;
  /// Hex digest of names, sizes and bytes of all files, and the classes. Reads everything.
  Result<std::string> digest(FileSystem& files) const;

 private:
  SegmentationDataset() = default;
  SegmentationDatasetOptions options_;
  std::vector<std::string> names_;  ///< image file names, sorted
  std::vector<std::string> classes_;
};

}  // namespace tagalign::data
