/// Multi-label recognition beside segmentation: how well scores rank the images by a class.
///
/// N classes. Threads: one a ranking; merge afterwards.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tagalign::jobs {

class ImageRanking {
 public:
  explicit ImageRanking(std::size_t classes) : entries_(classes) {}

  /// One image: its score for each class, and whether it shows the class.
  void add(std::span<const float> scores, const std::vector<bool>& shown);
  void merge(const ImageRanking& other);

  /// Of each class, in parts per billion, −1 where no image shows it: the mean of the precision at
  /// each image that shows it, images of equal score taken together, as in the field's
  /// sum of (recall step) · precision. Independent of the order of the images.
  std::vector<std::int64_t> average_precision() const;

  /// For another rank: bytes that add() up there.
  std::string pack() const;
  /// Of an equal number of classes, as a rank of this program packed it.
  void merge_packed(std::string_view packed);

 private:
  struct Entry {
    float score;
    bool shown;
  };
  std::vector<std::vector<Entry>> entries_;  ///< [N][images]
};

}  // namespace tagalign::jobs
