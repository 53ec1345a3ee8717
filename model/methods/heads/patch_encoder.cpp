#include "model/methods/heads/patch_encoder.h"

namespace tagalign::model {
namespace {

TokenWeights token_weights_of(config::HeadAttention attention) {
  switch (attention) {
    case config::HeadAttention::kQueryKey:
      return TokenWeights::kQueryKey;
    case config::HeadAttention::kIdentity:
      return TokenWeights::kIdentity;
    case config::HeadAttention::kQueryPlusKey:
      return TokenWeights::kQueryPlusKey;
    case config::HeadAttention::kKeyNeighbours:
      return TokenWeights::kKeyNeighbours;
    case config::HeadAttention::kKey:
      return TokenWeights::kKey;
    case config::HeadAttention::kNeighbours:
      return TokenWeights::kNeighbours;
    case config::HeadAttention::kQuery:
      break;
  }
  return TokenWeights::kQuery;
}

class LastBlockEncoder final : public PatchEncoder {
 public:
  LastBlockEncoder(const VisionTower& vision, const config::HeadSettings& settings)
      : vision_(vision), how_(last_block(settings)), rule_(position_rule(settings)) {}

  PatchFeatures encode(const at::Tensor& windows) const override {
    const PatchGrid grid = vision_.grid_of(windows);
    const at::Tensor tokens =
        forward_last(vision_.last_block(), vision_.encode_before_last(windows, rule_), grid, how_);
    return {vision_.projection().forward(tokens.slice(1, 1)), grid};
  }

 private:
  const VisionTower& vision_;
  LastBlock how_;
  PositionRule rule_;
};

}  // namespace

LastBlock last_block(const config::HeadSettings& settings) {
  return {.weights = token_weights_of(settings.attention),
          .reduced = !settings.residual,
          .gaussian_std = settings.gaussian_std};
}

PositionRule position_rule(const config::HeadSettings& settings) {
  return settings.positions == config::PositionResize::kBicubic ? PositionRule::kBicubic
                                                                : PositionRule::kBicubicScale;
}

std::unique_ptr<PatchEncoder> last_block_encoder(const VisionTower& vision,
                                                 const config::HeadSettings& settings) {
  return std::make_unique<LastBlockEncoder>(vision, settings);
}

}  // namespace tagalign::model
