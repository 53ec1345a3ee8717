/// Segmentation by groups, which GroupViT and OVSegmentor share: a pixel belongs to a group, and a
/// group to classes by the similarity of its feature with their text.
///
/// Axes: B windows, G groups of the last grouping block, N classes, E joint embedding, H×W
/// a window. Immutable, safe from several threads.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "model/inference/segmentation.h"
#include "model/methods/grouping/encoder.h"
#include "model/methods/grouping/projection.h"
#include "model/methods/method.h"

namespace tagalign::model {

/// An image encoder with its projector.
struct GroupTower {
  GroupingEncoder encoder;
  GroupProjection projection;
  double logit_scale = 1.0;  ///< factor of the cosines, at most 100

  static GroupTower take(TensorSource& source, std::int64_t heads);
};

/// x / max(‖x‖, 1e-12) over the last axis.
at::Tensor unit_rows(const at::Tensor& x);

/// How strongly each group is of each class: [G, N]. groups [G, E] and mean [E] projected, text
/// [N, E] normalised. Softmax over all classes, times the softmax over the `kept` classes that are
/// closest to the mean; 0 for the others.
at::Tensor group_affinity(const at::Tensor& groups, const at::Tensor& mean, const at::Tensor& text,
                          double scale, std::int64_t kept);

/// The soft membership of a stage's groups at the pixels of an image: [B, G_s, height, width].
at::Tensor group_maps(const GroupedImage& image, std::size_t stage, std::int64_t height,
                      std::int64_t width);

struct GroupModelParts {
  GroupTower tower;
  /// Of projected text, not normalised; called in several threads.
  PromptEncoder encode_prompts;
  std::int64_t kept_classes = 5;
  std::vector<MethodSetting> settings;
};
std::unique_ptr<DenseModel> make_group_model(GroupModelParts parts);

}  // namespace tagalign::model
