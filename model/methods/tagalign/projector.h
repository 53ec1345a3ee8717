/// The trainable projector (TERMS.md, reference §2): refines frozen patch features, then maps them
/// into the joint embedding space.
///
/// Axes: B images, h×w patch grid, D vision width, E joint embedding. fp32 parameters; forward
/// under the caller's grad mode.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>

#include "base/status.h"
#include "model/clip/towers.h"
#include "model/training/state_dict.h"

namespace tagalign::model {

enum class ProjectorKind { kGDecoder, kTransformer };
Result<ProjectorKind> projector_kind_from_name(const std::string& name);

struct ProjectorShape {
  ProjectorKind kind = ProjectorKind::kGDecoder;
  int layers = 2;          ///< the reference's: GDecoder 2, Transformer 1
  std::int64_t width = 0;  ///< D
  int heads = 16;          ///< Transformer only; divides D
};
struct Grid {
  std::int64_t h = 0;
  std::int64_t w = 0;
};

class Projector {
 public:
  virtual ~Projector() = default;
  /// patches [B, h·w, D] (CLS dropped, row-major grid) → [B, h·w, E].
  virtual at::Tensor forward(const at::Tensor& patches, Grid grid) const = 0;
  /// Without the final projection: [B, h·w, D] → [B, h·w, D].
  virtual at::Tensor refine(const at::Tensor& patches, Grid grid) const = 0;
  virtual const ProjectorShape& shape() const = 0;
  /// Reference's names of branch main ("projector.projector.…",
  /// "projector.clip_proj.…"), in registration order.
  virtual const Parameters& parameters() const = 0;
  virtual void to(at::Device device) = 0;
};

/// Fresh weights as the reference initialises them (gates 0; convolutions and linears by torch's
/// defaults, drawn through base/random.h); `frozen` is deep-copied into the trainable clip_proj.
std::unique_ptr<Projector> make_projector(const ProjectorShape& shape, const ClipProjection& frozen,
                                          std::uint64_t seed);

/// Overwrites the parameters from `weights`; names of branch main or dev ("decoder.…").
/// The message names what is missing, unexpected below projector.* or of another shape;
/// nothing is changed then.
Status load_projector(Projector& projector, const StateDict& weights);

}  // namespace tagalign::model
