/// Six steps of training, tower to AdamW, against the trajectory of the reference.
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/scalar_tensor.h>
#include <gtest/gtest.h>

#include <cmath>

#include "model/clip/towers.h"
#include "model/losses.h"
#include "model/optimizer.h"
#include "model/projector.h"
#include "tests/support/golden_reader.h"

namespace tagalign::model {
namespace {

using testing::max_deviation;
using testing::read_golden_tensors;
using testing::relative_deviation;
using Tensors = std::map<std::string, at::Tensor>;

constexpr double kLossBound = 1e-4;
// Relative to the largest entry; the reference's own float32 run strays by 1.7e-4 from float64.
constexpr double kGradientBound = 5e-4;
constexpr double kParameterBound = 5e-5;  // absolute
constexpr double kClipNorm = 5.0;
constexpr std::int64_t kBatches = 3;

template <class T>
T unwrap(Result<T> result) {
  EXPECT_TRUE(result.ok()) << result.status().message();
  return std::move(result).value();
}

struct Losses {
  double infonce, multitag;
};

/// The whole model of one run; a step looks as the training job's does, on one rank.
class Training {
 public:
  Training(const std::string& name, const nlohmann::json& info)
      : clip_(read_golden_tensors("clip/clip_tiny.safetensors")),
        vision_(unwrap(VisionTower::create(clip_))),
        text_(unwrap(TextTower::create(clip_))),
        inputs_(read_golden_tensors("training/inputs.safetensors")) {
    const bool transformer = name == "transformer";
    const ProjectorShape shape{transformer ? ProjectorKind::kTransformer : ProjectorKind::kGDecoder,
                               transformer ? 1 : 2, 128};
    projector_ = make_projector(shape, vision_.projection(), /*seed=*/1);
    const Status loaded =
        load_projector(*projector_, read_golden_tensors(info.at("initial_weights")));
    EXPECT_TRUE(loaded.ok()) << loaded.message();
    Parameters parameters = projector_->parameters();
    for (at::Tensor* scale : {&infonce_scale_, &multitag_scale_}) {
      *scale = at::scalar_tensor(std::log(1.0 / 0.07), at::kFloat);
      scale->set_requires_grad(true);
    }
    parameters.push_back({"cl_loss.logit_scale", infonce_scale_});
    parameters.push_back({"ce_loss.logit_scale", multitag_scale_});
    optimizer_ = std::make_unique<AdamW>(parameters, AdamWOptions{});
  }

  /// Forward and backward of batch step mod 3; the gradients stay in the parameters.
  Losses forward_backward(std::int64_t step) {
    optimizer_->zero_gradients();
    const std::string batch = "batch" + std::to_string(step % kBatches) + ".";
    at::Tensor patches, captions;
    {
      const at::NoGradGuard no_grad;
      patches = vision_.encode(inputs_.at(batch + "images"), VisionAttention::kSurgery).slice(1, 1);
      captions = text_.encode(inputs_.at(batch + "token_ids").to(at::kLong));
    }
    const at::Tensor image = projector_->forward(patches, {4, 4}).mean(1);
    const at::Tensor infonce = infonce_loss(image, captions, infonce_scale_, {});
    const at::Tensor multitag = multitag_loss(image, inputs_.at("label_embedding"),
                                              inputs_.at(batch + "tags"), multitag_scale_);
    (infonce + multitag).backward();
    return {infonce.item<double>(), multitag.item<double>()};
  }

  AdamW& optimizer() { return *optimizer_; }

 private:
  Tensors clip_;
  VisionTower vision_;
  TextTower text_;
  Tensors inputs_;
  std::unique_ptr<Projector> projector_;
  at::Tensor infonce_scale_, multitag_scale_;
  std::unique_ptr<AdamW> optimizer_;
};

/// The entries of `t` that the golden file holds of the tensor `name`.
at::Tensor stored_part(const Tensors& golden, const std::string& name, const at::Tensor& t) {
  const auto index = golden.find("sample_index." + name);
  const at::Tensor flat = t.detach().flatten();
  return index == golden.end() ? flat : flat.index_select(0, index->second.to(at::kLong));
}

class TrainingGolden : public ::testing::TestWithParam<std::string> {};

TEST_P(TrainingGolden, SixSteps_LossesGradientsParametersMoments_FollowTheReference) {
  TA_REQUIRE_GOLDEN("training/training.json");
  const nlohmann::json info =
      testing::read_golden_json("training/training.json")["runs"][GetParam()];
  const Tensors golden = read_golden_tensors("training/" + GetParam() + ".safetensors");
  const nlohmann::json& log = info.at("log_per_rank_float32").at(0);
  ASSERT_EQ(log.size(), 6u);
  Training run(GetParam(), info);
  const auto expect_near = [&](const std::string& kind, const std::string& name,
                               const at::Tensor& actual, double bound, bool relative) {
    const at::Tensor& expected = golden.at(kind + "." + name);
    const at::Tensor part = stored_part(golden, name, actual).reshape(expected.sizes());
    EXPECT_LE(relative ? relative_deviation(part, expected) : max_deviation(part, expected), bound)
        << kind << "." << name;
  };
  for (std::size_t t = 0; t < log.size(); ++t) {
    const std::string step = "step" + std::to_string(t);
    const Losses losses = run.forward_backward(static_cast<std::int64_t>(t));
    EXPECT_NEAR(losses.infonce, log[t].at("cl_loss").get<double>(), kLossBound) << step;
    EXPECT_NEAR(losses.multitag, log[t].at("ce_loss").get<double>(), kLossBound) << step;
    for (const Parameter& p : run.optimizer().parameters()) {
      expect_near(step + ".grad", p.name, p.tensor.grad(), kGradientBound, true);
    }
    const double norm = run.optimizer().clip_gradients(kClipNorm);
    EXPECT_NEAR(norm, log[t].at("grad_norm_before_clip").get<double>(), kLossBound) << step;
    run.optimizer().step(log[t].at("lr").get<double>());
    for (const Parameter& p : run.optimizer().parameters()) {
      expect_near(step + ".param", p.name, p.tensor, kParameterBound, false);
    }
  }
  const StateDict moments = run.optimizer().state();
  for (const Parameter& p : run.optimizer().parameters()) {
    for (const std::string kind : {"exp_avg", "exp_avg_sq"}) {
      expect_near("final." + kind, p.name, moments.at("optimizer." + kind + "." + p.name),
                  kGradientBound, true);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Projectors, TrainingGolden, ::testing::Values("gdecoder", "transformer"),
                         [](const auto& run) { return run.param; });

}  // namespace
}  // namespace tagalign::model
