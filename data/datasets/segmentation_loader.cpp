#include "data/datasets/segmentation_loader.h"

#include <utility>

#include "data/image/pillow.h"

namespace tagalign::data {
namespace {

Result<EvaluationImage> prepare(FileSystem& files, const SegmentationDataset& dataset,
                                std::size_t index, const SegmentationLoaderOptions& options) {
  TA_ASSIGN_OR_RETURN(SegmentationSample sample, dataset.read(files, index));
  EvaluationImage image;
  image.index = index;
  image.name = std::move(sample.name);
  image.original = {sample.image.width, sample.image.height};
  image.resized = options.squash
                      ? Size{options.short_side, options.short_side}
                      : keep_ratio_size(image.original, options.short_side, options.long_side_max);
  const auto resize = options.squash ? resize_bicubic_pillow : resize_bilinear_opencv;
  image.planar = normalize_planar(resize(sample.image, image.resized.width, image.resized.height),
                                  options.colors);
  image.label = std::move(sample.label);
  return image;
}

}  // namespace

SegmentationLoader::SegmentationLoader(FileSystem& files, const SegmentationDataset& dataset,
                                       SegmentationLoaderOptions options)
    : files_(files), dataset_(dataset), options_(options), next_index_(options.first) {
  TA_CHECK(options.stride > 0 && options.ahead > 0, "a stride and an image ahead");
  fill();
}

void SegmentationLoader::fill() {
  while (pending_.size() < options_.ahead && next_index_ < dataset_.size()) {
    pending_.push_back(std::async(std::launch::async, [&files = files_, &dataset = dataset_,
                                                       index = next_index_, options = options_] {
      return prepare(files, dataset, index, options);
    }));
    next_index_ += options_.stride;
  }
}

Result<std::optional<EvaluationImage>> SegmentationLoader::next() {
  if (pending_.empty()) return std::optional<EvaluationImage>();
  auto image = pending_.front().get();
  pending_.pop_front();
  if (!image.ok()) return image.status();
  fill();
  return std::optional(std::move(image).value());
}

}  // namespace tagalign::data
