/// What a head makes of a window: a feature for each patch.
///
/// Axes: B windows, h×w the head's grid, E joint embedding. Threads: immutable, safe from several.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>

#include "configs/schema/methods/heads.h"
#include "model/clip/towers.h"

namespace tagalign::model {

struct PatchFeatures {
  at::Tensor rows;  ///< [B, h·w, E], not normalised
  PatchGrid grid;
};

class PatchEncoder {
 public:
  virtual ~PatchEncoder() = default;
  /// windows [B, 3, S, S'] normalised, a patch a side at least.
  virtual PatchFeatures encode(const at::Tensor& windows) const = 0;
};

/// As the settings say, in the tower's terms.
LastBlock last_block(const config::HeadSettings& settings);
PositionRule position_rule(const config::HeadSettings& settings);

/// A head that is a last block alone. Borrows the tower.
std::unique_ptr<PatchEncoder> last_block_encoder(const VisionTower& vision,
                                                 const config::HeadSettings& settings);

}  // namespace tagalign::model
