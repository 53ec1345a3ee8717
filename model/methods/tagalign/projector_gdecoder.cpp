// The reference's GDecoder: gated residual 3×3 convolutions, two per layer.
#include <vector>

#include "base/format.h"
#include "model/methods/tagalign/projector_layers.h"

namespace tagalign::model {
namespace {

class GDecoder final : public ProjectorBase {
 public:
  GDecoder(const ProjectorShape& shape, const ClipProjection& frozen, std::uint64_t seed)
      : ProjectorBase(shape, seed) {
    for (int i = 0; i < shape.layers; ++i) {
      for (const char* half : {"conv", "conv2"}) {
        convs_.push_back(
            add_gated_conv(list_, format("projector.projector.net.{}.{}", i, half), shape.width));
      }
    }
    clip_projection_ = add_clip_projection(list_, frozen);
  }

  at::Tensor refine(const at::Tensor& patches, Grid grid) const override {
    check_input(patches, grid);
    at::Tensor x = patches.unflatten(1, {grid.h, grid.w});  // [B, h, w, D]
    for (const GatedConv& conv : convs_) x = conv.forward(x);
    return x.flatten(1, 2);
  }

 private:
  std::vector<GatedConv> convs_;
};

}  // namespace

std::unique_ptr<Projector> make_gdecoder(const ProjectorShape& shape, const ClipProjection& frozen,
                                         std::uint64_t seed) {
  return std::make_unique<GDecoder>(shape, frozen, seed);
}

}  // namespace tagalign::model
