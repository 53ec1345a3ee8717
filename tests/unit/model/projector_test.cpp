#include "model/methods/tagalign/projector.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <string>

namespace tagalign::model {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr std::int64_t kWidth = 32;
constexpr ProjectorShape kGDecoder{ProjectorKind::kGDecoder, 2, kWidth};
constexpr ProjectorShape kTransformer{ProjectorKind::kTransformer, 1, kWidth};

ClipProjection frozen_projection() {
  return {at::ones({kWidth}), at::full({kWidth}, 0.25),
          at::arange(kWidth * 8, at::kFloat).view({kWidth, 8}).sin()};
}

std::unique_ptr<Projector> make(const ProjectorShape& shape, std::uint64_t seed = 1) {
  return make_projector(shape, frozen_projection(), seed);
}

StateDict weights_of(const Projector& projector) {
  StateDict weights;
  for (const Parameter& p : projector.parameters()) weights[p.name] = p.tensor.detach().clone();
  return weights;
}

at::Tensor patches() {
  return (at::arange(2 * 6 * kWidth, at::kFloat) * 0.1).cos().view({2, 6, kWidth});
}

TEST(Projector, KindNames_AreChecked) {
  EXPECT_EQ(projector_kind_from_name("gdecoder").value(), ProjectorKind::kGDecoder);
  EXPECT_EQ(projector_kind_from_name("transformer").value(), ProjectorKind::kTransformer);
  EXPECT_THAT(projector_kind_from_name("cnn").status().message(),
              AllOf(HasSubstr("cnn"), HasSubstr("gdecoder")));
}

TEST(Projector, FreshGDecoder_StartsAsTheFrozenProjection) {
  const auto projector = make(kGDecoder);
  EXPECT_TRUE(at::equal(projector->refine(patches(), {2, 3}), patches()));
  EXPECT_TRUE(
      at::equal(projector->forward(patches(), {2, 3}), frozen_projection().forward(patches())));
}

TEST(Projector, ClipProjection_IsADeepCopy) {
  const ClipProjection frozen = frozen_projection();
  const auto projector = make_projector(kGDecoder, frozen, 1);
  const at::NoGradGuard no_grad;
  for (const Parameter& p : projector->parameters()) p.tensor.zero_();
  EXPECT_TRUE(at::equal(frozen.proj, frozen_projection().proj));
}

TEST(Projector, FreshWeights_FollowTorchDefaultsAndTheSeed) {
  for (const ProjectorShape& shape : {kGDecoder, kTransformer}) {
    const StateDict first = weights_of(*make(shape)), again = weights_of(*make(shape));
    const StateDict other = weights_of(*make(shape, 2));
    bool differs = false;
    for (const auto& [name, tensor] : first) {
      EXPECT_TRUE(at::equal(tensor, again.at(name))) << name;
      differs = differs || !at::equal(tensor, other.at(name));
    }
    EXPECT_TRUE(differs);
  }
  const StateDict weights = weights_of(*make(kGDecoder));
  const double bound = 1 / std::sqrt(static_cast<double>(kWidth * 9));
  const double largest =
      weights.at("projector.projector.net.1.conv2.conv.weight").abs().max().item<double>();
  EXPECT_LE(largest, bound);
  EXPECT_GT(largest, 0.9 * bound);
}

TEST(Projector, EveryParameter_GetsAGradient) {
  for (const ProjectorShape& shape : {kGDecoder, kTransformer}) {
    const auto projector = make(shape);
    projector->forward(patches(), {2, 3}).square().sum().backward();
    for (const Parameter& p : projector->parameters()) {
      EXPECT_TRUE(p.tensor.is_leaf() && p.tensor.grad().defined()) << p.name;
    }
  }
}

TEST(LoadProjector, WholeWeights_AreTakenOver) {
  const auto source = make(kTransformer, 5);
  const auto target = make(kTransformer, 6);
  ASSERT_TRUE(load_projector(*target, weights_of(*source)).ok());
  EXPECT_TRUE(at::equal(target->forward(patches(), {2, 3}), source->forward(patches(), {2, 3})));
}

TEST(LoadProjector, DevBranchGDecoderNames_AreUnderstood) {
  const auto source = make(kGDecoder, 5);
  const auto target = make(kGDecoder, 6);
  StateDict renamed;
  for (const auto& [name, tensor] : weights_of(*source)) {
    constexpr char kLayers[] = "projector.projector.", kProjection[] = "projector.clip_proj.";
    renamed[name.starts_with(kLayers)
                ? "decoder.decoder." + name.substr(sizeof kLayers - 1)
                : "decoder.image_proj." + name.substr(sizeof kProjection - 1)] = tensor;
  }
  const Status status = load_projector(*target, renamed);
  ASSERT_TRUE(status.ok()) << status.message();
  for (const auto& [name, tensor] : weights_of(*source)) {
    EXPECT_TRUE(at::equal(tensor, weights_of(*target).at(name))) << name;
  }
}

TEST(LoadProjector, WrongWeights_AreNamedAndChangeNothing) {
  const auto target = make(kGDecoder);
  const StateDict before = weights_of(*target);
  StateDict weights = weights_of(*make(kGDecoder, 9));
  weights.erase("projector.projector.net.0.conv.gate.gate");
  weights["projector.clip_proj.proj"] = at::zeros({kWidth, 7});
  weights["projector.surplus"] = at::zeros({1});
  weights["optimizer.state"] = at::zeros({1});  // not below projector.*: none of its business
  const Status status = load_projector(*target, weights);
  EXPECT_EQ(status.code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(
      status.message(),
      AllOf(HasSubstr("'projector.projector.net.0.conv.gate.gate' is missing"),
            HasSubstr("'projector.clip_proj.proj' should have shape [32, 8], found [32, 7]"),
            HasSubstr("'projector.surplus' is unexpected"),
            ::testing::Not(HasSubstr("optimizer.state"))));
  for (const auto& [name, tensor] : weights_of(*target)) {
    EXPECT_TRUE(at::equal(tensor, before.at(name))) << name;
  }
}

}  // namespace
}  // namespace tagalign::model
