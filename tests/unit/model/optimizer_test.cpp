#include "model/training/optimizer.h"

#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>

#include <cmath>

namespace tagalign::model {
namespace {

using ::testing::HasSubstr;

Parameter parameter(const std::string& name, const std::vector<float>& values,
                    std::vector<std::int64_t> shape) {
  at::Tensor tensor = at::tensor(values).reshape(shape).clone();
  tensor.set_requires_grad(true);
  return {name, tensor};
}

void set_gradient(const Parameter& p, const std::vector<float>& values) {
  p.tensor.mutable_grad() = at::tensor(values).reshape(p.tensor.sizes()).clone();
}

/// AdamW of one scalar in double, straight from its definition.
struct ScalarAdamW {
  AdamWOptions options;
  double value = 0, mean = 0, square = 0;
  int steps = 0;
  void step(double gradient, double lr, bool decay) {
    ++steps;
    if (decay) value -= lr * options.weight_decay * value;
    mean = options.beta1 * mean + (1 - options.beta1) * gradient;
    square = options.beta2 * square + (1 - options.beta2) * gradient * gradient;
    const double mean_hat = mean / (1 - std::pow(options.beta1, steps));
    const double square_hat = square / (1 - std::pow(options.beta2, steps));
    value -= lr * mean_hat / (std::sqrt(square_hat) + options.eps);
  }
};

TEST(LearningRate, Constant_AnyStep_IsLr) {
  ScheduleOptions options;
  options.lr = 0.25;
  options.warmup_steps = 100;
  EXPECT_EQ(learning_rate(options, 0), 0.25);
  EXPECT_EQ(learning_rate(options, 1'000'000), 0.25);
}

TEST(LearningRate, Cosine_WarmsUp_PeaksThenFalls) {
  const ScheduleOptions options{ScheduleOptions::Kind::kCosine, 1.0, 0.1, 10, 110};
  EXPECT_DOUBLE_EQ(learning_rate(options, 0), 1e-4);
  EXPECT_DOUBLE_EQ(learning_rate(options, 10), 1.0);
  EXPECT_NEAR(learning_rate(options, 60), 0.55, 1e-12);
  EXPECT_NEAR(learning_rate(options, 110), 0.1, 1e-12);
  EXPECT_GT(learning_rate(options, 150), 0.1);  // past its end it rises again, as torch's does
}

TEST(LearningRate, CosineThatIsAllWarmup_AfterIt_StaysAtLr) {
  const ScheduleOptions options{ScheduleOptions::Kind::kCosine, 1.0, 0.0, 10, 10};
  EXPECT_DOUBLE_EQ(learning_rate(options, 10), 1.0);
}

TEST(HasWeightDecay, ByShapeAndName_AsReference_ScalarsDecay) {
  EXPECT_TRUE(has_weight_decay(parameter("a.weight", {1, 2}, {1, 2})));
  EXPECT_TRUE(has_weight_decay(parameter("gate", {1}, {})));
  EXPECT_FALSE(has_weight_decay(parameter("norm.weight", {1, 2}, {2})));
  EXPECT_FALSE(has_weight_decay(parameter("a.bias", {1, 2}, {1, 2})));
}

TEST(AdamW, Steps_BothGroups_FollowTheDefinition) {
  const AdamWOptions options;
  Parameters parameters{parameter("w", {0.5F}, {1, 1}), parameter("w.bias", {0.5F}, {1})};
  AdamW adamw(parameters, options);
  ScalarAdamW decayed{options, 0.5}, plain{options, 0.5};
  const double lrs[] = {0.1, 0.05, 0.02, 0.3};
  const float gradients[] = {0.3F, -1e-4F, 2.0F, 1e-6F};
  for (int i = 0; i < 4; ++i) {
    for (const Parameter& p : parameters) set_gradient(p, {gradients[i]});
    adamw.step(lrs[i]);
    decayed.step(gradients[i], lrs[i], true);
    plain.step(gradients[i], lrs[i], false);
    EXPECT_NEAR(parameters[0].tensor.item<double>(), decayed.value, 1e-6);
    EXPECT_NEAR(parameters[1].tensor.item<double>(), plain.value, 1e-6);
  }
  EXPECT_EQ(adamw.steps_done(), 4u);
}

TEST(AdamW, ParameterWithoutGradient_Step_LeavesItAlone) {
  Parameters parameters{parameter("a", {1, 2}, {1, 2}), parameter("b", {3}, {})};
  AdamW adamw(parameters, {});
  set_gradient(parameters[0], {1, 1});
  adamw.step(0.1);
  EXPECT_EQ(parameters[1].tensor.item<float>(), 3.0F);
  EXPECT_NE(parameters[0].tensor[0][0].item<float>(), 1.0F);
}

TEST(AdamW, ClipGradients_AboveTheMaximum_ScalesAllTogether) {
  Parameters parameters{parameter("a", {1, 2}, {2}), parameter("b", {3}, {})};
  AdamW adamw(parameters, {});
  set_gradient(parameters[0], {3, 4});
  set_gradient(parameters[1], {12});
  EXPECT_DOUBLE_EQ(adamw.clip_gradients(1.3), 13.0);
  EXPECT_NEAR(parameters[0].tensor.grad()[1].item<double>(), 0.4, 1e-6);
  EXPECT_NEAR(parameters[1].tensor.grad().item<double>(), 1.2, 1e-6);
}

TEST(AdamW, ClipGradients_BelowTheMaximum_ChangesNoBit) {
  Parameters parameters{parameter("a", {1, 2}, {2})};
  AdamW adamw(parameters, {});
  EXPECT_EQ(adamw.clip_gradients(5.0), 0.0);  // no gradients yet
  set_gradient(parameters[0], {0.1F, 0.7F});
  adamw.clip_gradients(5.0);
  EXPECT_EQ(parameters[0].tensor.grad()[0].item<float>(), 0.1F);
  EXPECT_EQ(parameters[0].tensor.grad()[1].item<float>(), 0.7F);
}

TEST(AdamW, ZeroGradients_AfterIt_NoneIsDefined) {
  Parameters parameters{parameter("a", {1, 2}, {2})};
  AdamW adamw(parameters, {});
  set_gradient(parameters[0], {1, 1});
  adamw.zero_gradients();
  EXPECT_FALSE(parameters[0].tensor.grad().defined());
}

TEST(AdamW, RestoredState_GoesOn_BitForBit) {
  const auto run = [](int steps, bool restart) {
    Parameters parameters{parameter("w", {0.5F, -0.25F}, {1, 2})};
    auto adamw = std::make_unique<AdamW>(parameters, AdamWOptions{});
    for (int i = 0; i < steps; ++i) {
      if (restart && i == 2) {
        auto next = std::make_unique<AdamW>(parameters, AdamWOptions{});
        EXPECT_TRUE(next->load_state(adamw->state(), adamw->steps_done()).ok());
        adamw = std::move(next);
      }
      set_gradient(parameters[0], {0.1F * static_cast<float>(i), 0.3F});
      adamw->step(0.01);
    }
    return parameters[0].tensor.detach().clone();
  };
  EXPECT_TRUE(run(5, false).equal(run(5, true)));
}

TEST(AdamW, StateThatIsTaken_IsNotCopied_AndOneThatIsLoadedIs) {
  Parameters parameters{parameter("w", {1, 2}, {2})};
  AdamW adamw(parameters, {});
  StateDict state{{"optimizer.exp_avg.w", at::ones({2})},
                  {"optimizer.exp_avg_sq.w", at::ones({2})}};
  const auto moment = [&] { return adamw.state().at("optimizer.exp_avg.w").const_data_ptr(); };
  ASSERT_TRUE(adamw.load_state(state, 1).ok());
  EXPECT_NE(moment(), state.at("optimizer.exp_avg.w").const_data_ptr());
  ASSERT_TRUE(adamw.take_state(state, 1).ok());
  EXPECT_EQ(moment(), state.at("optimizer.exp_avg.w").const_data_ptr());
}

TEST(AdamW, RestoredWithoutItsStepCount_GoesAnotherWay) {
  const auto one_more_step = [](std::uint64_t steps_done) {
    Parameters parameters{parameter("w", {0.5F}, {1, 1})};
    AdamW before(parameters, {});
    set_gradient(parameters[0], {0.25F});
    before.step(1e-2);
    AdamW after(parameters, {});
    EXPECT_TRUE(after.load_state(before.state(), steps_done).ok());
    after.step(1e-2);
    return parameters[0].tensor.item<float>();
  };
  EXPECT_NE(one_more_step(1), one_more_step(0)) << "the bias correction would begin anew";
}

TEST(AdamW, LoadState_MissingOrMisshapenTensor_IsNamed_AndNothingChanges) {
  Parameters parameters{parameter("w", {1, 2}, {2})};
  AdamW adamw(parameters, {});
  StateDict state{{"optimizer.exp_avg.w", at::ones({2})}};
  const Status missing = adamw.load_state(state, 7);
  EXPECT_EQ(missing.code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(missing.message(), HasSubstr("optimizer.exp_avg_sq.w is missing"));
  state["optimizer.exp_avg_sq.w"] = at::ones({3});
  const Status misshapen = adamw.load_state(state, 7);
  EXPECT_THAT(misshapen.message(), HasSubstr("expected shape [2], found [3]"));
  EXPECT_EQ(adamw.steps_done(), 0u);
  EXPECT_EQ(adamw.state().at("optimizer.exp_avg.w").sum().item<float>(), 0.0F);
}

}  // namespace
}  // namespace tagalign::model
