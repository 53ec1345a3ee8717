// Both projectors, forward and backward, against the official implementation (golden/projector).
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>

#include "model/projector.h"
#include "tests/support/golden_reader.h"

namespace tagalign::model {
namespace {

using tagalign::testing::max_deviation;
using tagalign::testing::read_golden_tensors;
using tagalign::testing::relative_deviation;

constexpr double kOutputBound = 3e-5;
constexpr double kGradientBound = 2e-5;

struct ProjectorCase {
  std::string name;
  ProjectorShape shape;
};
const ProjectorCase kCases[] = {{"gdecoder", {ProjectorKind::kGDecoder, 2, 128}},
                                {"transformer", {ProjectorKind::kTransformer, 1, 128}}};
const std::map<std::string, Grid> kGrids = {{"4x4", {4, 4}}, {"5x7", {5, 7}}};

std::unique_ptr<Projector> fresh_projector(const ProjectorShape& shape) {
  const ClipProjection frozen{at::ones({128}), at::zeros({128}), at::zeros({128, 64})};
  return make_projector(shape, frozen, /*seed=*/1);
}

class ProjectorGolden : public ::testing::TestWithParam<ProjectorCase> {
 protected:
  std::unique_ptr<Projector> loaded(const std::string& suffix) const {
    auto projector = fresh_projector(GetParam().shape);
    const Status status =
        load_projector(*projector, read_golden_tensors("projector/" + GetParam().name + suffix));
    EXPECT_TRUE(status.ok()) << status.message();
    return projector;
  }
};

TEST_P(ProjectorGolden, Outputs_BothGrids_MatchReference) {
  TA_REQUIRE_GOLDEN("projector/gdecoder.safetensors");
  const at::NoGradGuard no_grad;
  const auto projector = loaded("_weights.safetensors");
  const auto golden = read_golden_tensors("projector/" + GetParam().name + ".safetensors");
  for (const auto& [size, grid] : kGrids) {
    const at::Tensor input = golden.at(size + ".input");
    EXPECT_LE(max_deviation(projector->refine(input, grid), golden.at(size + ".projector_output")),
              kOutputBound);
    EXPECT_LE(max_deviation(projector->forward(input, grid), golden.at(size + ".output")),
              kOutputBound);
  }
}

/// Compares a gradient with the whole one or with the stored sample of it.
void expect_gradient(const std::map<std::string, at::Tensor>& golden, const std::string& name,
                     const at::Tensor& gradient) {
  ASSERT_TRUE(gradient.defined()) << name;
  if (const auto whole = golden.find(name); whole != golden.end()) {
    EXPECT_LE(relative_deviation(gradient, whole->second), kGradientBound) << name;
    return;
  }
  const at::Tensor index = golden.at(name + "#index").to(at::kLong);
  EXPECT_LE(
      relative_deviation(gradient.flatten().index_select(0, index), golden.at(name + "#sample")),
      kGradientBound)
      << name;
}

TEST_P(ProjectorGolden, Gradients_BothGrids_MatchReference) {
  TA_REQUIRE_GOLDEN("projector/gdecoder.safetensors");
  const auto golden = read_golden_tensors("projector/" + GetParam().name + ".safetensors");
  for (const auto& [size, grid] : kGrids) {
    const auto projector = loaded("_weights.safetensors");
    at::Tensor input = golden.at(size + ".input").clone().set_requires_grad(true);
    (projector->forward(input, grid) * golden.at(size + ".upstream")).sum().backward();
    expect_gradient(golden, size + ".grad.input", input.grad());
    for (const Parameter& parameter : projector->parameters()) {
      expect_gradient(golden, size + ".grad." + parameter.name, parameter.tensor.grad());
    }
  }
}

TEST_P(ProjectorGolden, ParameterNames_BranchMain_AreInRegistrationOrder) {
  TA_REQUIRE_GOLDEN("projector/projector.json");
  const auto text = tagalign::testing::read_golden_bytes("projector/projector.json");
  const auto names = nlohmann::ordered_json::parse(text).at("names_v1").at(GetParam().name);
  const auto projector = fresh_projector(GetParam().shape);
  ASSERT_EQ(projector->parameters().size(), names.size());
  auto parameter = projector->parameters().begin();
  for (const auto& [name, shape] : names.items()) {
    EXPECT_EQ(parameter->name, name);
    EXPECT_EQ(parameter->tensor.sizes().vec(), shape.get<std::vector<std::int64_t>>()) << name;
    ++parameter;
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, ProjectorGolden, ::testing::ValuesIn(kCases),
                         [](const auto& tested) { return tested.param.name; });

TEST(ProjectorGolden, BranchDevNames_Transformer_LoadTheSameWeights) {
  TA_REQUIRE_GOLDEN("projector/transformer_weights_v3_names.safetensors");
  const auto main_names = fresh_projector(kCases[1].shape);
  const auto dev_names = fresh_projector(kCases[1].shape);
  ASSERT_TRUE(
      load_projector(*main_names, read_golden_tensors("projector/transformer_weights.safetensors"))
          .ok());
  const Status status = load_projector(
      *dev_names, read_golden_tensors("projector/transformer_weights_v3_names.safetensors"));
  ASSERT_TRUE(status.ok()) << status.message();
  for (std::size_t i = 0; i < main_names->parameters().size(); ++i) {
    EXPECT_TRUE(at::equal(main_names->parameters()[i].tensor, dev_names->parameters()[i].tensor))
        << main_names->parameters()[i].name;
  }
}

}  // namespace
}  // namespace tagalign::model
