// TagAlign's loss with objects and attributes, against the formulas written down plainly in double.
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model/methods/tagalign/tagalign.h"
#include "tests/support/tiny_models.h"

namespace tagalign::model {
namespace {

using ::testing::ElementsAre;

constexpr std::int64_t kBatch = 3, kTags = 5, kAttributes = 4, kSide = 24;
constexpr double kInfonceWeight = 0.5, kTagWeight = 0.75, kAttributeWeight = 1.5;
const double kFirstScale = std::log(1.0 / 0.07);

using Row = std::vector<double>;
using Rows = std::vector<Row>;

Rows rows_of(const at::Tensor& t) {
  const at::Tensor values = t.detach().to(at::kDouble).contiguous();
  Rows rows;
  for (std::int64_t i = 0; i < values.size(0); ++i) {
    const double* first = values.const_data_ptr<double>() + i * values.size(1);
    rows.emplace_back(first, first + values.size(1));
  }
  return rows;
}

double cosine(const Row& a, const Row& b) {
  double dot = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    dot += a[i] * b[i];
    aa += a[i] * a[i];
    bb += b[i] * b[i];
  }
  return dot / (std::max(std::sqrt(aa), 1e-6) * std::max(std::sqrt(bb), 1e-6));
}

/// log softmax over `choices` of exp(log_scale)·cosine with `query`, capped as the loss caps it.
Row log_shares(const Row& query, const Rows& choices, double log_scale) {
  const double scale = std::min(std::exp(log_scale), 100.0);
  double sum = 0;
  Row logs;
  for (const Row& choice : choices) {
    logs.push_back(scale * cosine(query, choice));
    sum += std::exp(logs.back());
  }
  for (double& value : logs) value -= std::log(sum);
  return logs;
}

double multitag_by_hand(const Rows& images, const Rows& labels, const Rows& marks,
                        double log_scale) {
  double total = 0;
  for (std::size_t b = 0; b < images.size(); ++b) {
    const Row logs = log_shares(images[b], labels, log_scale);
    double count = 0;
    for (const double mark : marks[b]) count += mark;
    for (std::size_t t = 0; t < logs.size(); ++t) {
      if (marks[b][t] > 0) total -= std::max(logs[t], std::log(1e-8)) / count;
    }
  }
  return total / static_cast<double>(images.size());
}

double infonce_by_hand(const Rows& images, const Rows& texts) {
  double total = 0;
  for (std::size_t b = 0; b < images.size(); ++b) {
    total -= log_shares(images[b], texts, kFirstScale)[b];
    total -= log_shares(texts[b], images, kFirstScale)[b];
  }
  return total / 2 / static_cast<double>(images.size());
}

at::Tensor waves(at::IntArrayRef shape, double step) {
  std::int64_t count = 1;
  for (const std::int64_t size : shape) count *= size;
  return (at::arange(count, at::kFloat) * step).sin().reshape(shape);
}

class TagAlignObjectiveTest : public ::testing::Test {
 protected:
  TagAlignObjectiveTest() {
    const ClipShape shape = tiny_clip(7);
    const StateDict weights = initial_clip_weights(shape, 3);
    vision_.emplace(VisionTower::create(weights).value());
    text_.emplace(TextTower::create(weights).value());
    objects_ = waves({kTags, shape.embed_dim}, 0.71);
    attributes_ = waves({kAttributes, shape.embed_dim}, 1.37);
    batch_.images = waves({kBatch, 3, kSide, kSide}, 0.37);
    batch_.tokens = at::tensor({1, 3, 15, 2, 4, 15, 5, 6, 15}, at::kLong).reshape({kBatch, 3});
    batch_.tags = at::zeros({kBatch, kTags});
    batch_.tags[0][1] = 1;
    batch_.tags[0][4] = 1;
    batch_.tags[2][3] = 1;
  }

  /// The second image has none.
  static at::Tensor some_attributes() {
    at::Tensor marks = at::zeros({kBatch, kAttributes});
    marks[0][0] = 1;
    marks[2][1] = 1;
    marks[2][2] = 1;
    marks[2][3] = 1;
    return marks;
  }
  std::unique_ptr<Projector> projector() const {
    return make_projector({ProjectorKind::kGDecoder, 1, vision_->shape().vision_width},
                          vision_->projection(), 5);
  }
  std::unique_ptr<TrainingObjective> objective(bool with_attributes) const {
    TagAlignParts parts{.projector = projector(),
                        .label_embedding = objects_,
                        .infonce_weight = kInfonceWeight,
                        .multitag_weight = kTagWeight};
    if (with_attributes) parts.attributes = {attributes_, kAttributeWeight};
    return make_tagalign_objective({.vision = &*vision_, .text = &*text_}, std::move(parts));
  }
  /// What the losses see: mean over patches of the projected features.
  Rows image_rows() const {
    const at::NoGradGuard no_grad;
    const std::int64_t cells = kSide / vision_->shape().patch_size;
    const at::Tensor tokens = vision_->encode(batch_.images, VisionAttention::kSurgery);
    const at::Tensor patches = tokens.narrow(1, 1, cells * cells).contiguous();
    return rows_of(projector()->forward(patches, {cells, cells}).to(at::kDouble).mean(1));
  }
  static double value(const TrainingObjective::Loss& loss, std::size_t part) {
    return loss.parts.at(part).second.item<double>();
  }

  std::optional<VisionTower> vision_;
  std::optional<TextTower> text_;
  at::Tensor objects_, attributes_;
  TrainingBatch batch_;
};

TEST_F(TagAlignObjectiveTest, ObjectsAndAttributes_EqualTheFormulasInDouble) {
  batch_.attributes = some_attributes();
  const auto loss = objective(true)->loss(batch_, {});
  const Rows images = image_rows();
  const double infonce = infonce_by_hand(images, rows_of(text_->encode(batch_.tokens)));
  const double tags =
      multitag_by_hand(images, rows_of(objects_), rows_of(batch_.tags), kFirstScale);
  const double attributes =
      multitag_by_hand(images, rows_of(attributes_), rows_of(batch_.attributes), kFirstScale);
  ASSERT_EQ(loss.parts.size(), 3u);
  EXPECT_EQ(loss.parts[2].first, "attributes");
  EXPECT_NEAR(value(loss, 0), infonce, 2e-5 * infonce);
  EXPECT_NEAR(value(loss, 1), tags, 2e-5 * tags);
  EXPECT_NEAR(value(loss, 2), attributes, 2e-5 * attributes);
  EXPECT_GT(std::abs(attributes - tags), 0.05) << "the two lists are to be told apart";
  const double total = kInfonceWeight * infonce + kTagWeight * tags + kAttributeWeight * attributes;
  EXPECT_NEAR(loss.total.item<double>(), total, 2e-5 * total);
}

TEST_F(TagAlignObjectiveTest, EachList_HasAScaleOfItsOwn) {
  batch_.attributes = some_attributes();
  const auto trained = objective(true);
  trained->loss(batch_, {}).total.backward();
  const Rows images = image_rows();
  const auto slope = [&](const at::Tensor& labels, const at::Tensor& marks) {
    constexpr double kStep = 1e-5;
    const auto at_scale = [&](double scale) {
      return multitag_by_hand(images, rows_of(labels), rows_of(marks), scale);
    };
    return (at_scale(kFirstScale + kStep) - at_scale(kFirstScale - kStep)) / (2 * kStep);
  };
  std::map<std::string, double> gradients;
  for (const auto& [name, tensor] : trained->parameters()) {
    if (tensor.dim() == 0) gradients[name] = tensor.grad().item<double>();
  }
  const double tags = kTagWeight * slope(objects_, batch_.tags);
  const double attributes = kAttributeWeight * slope(attributes_, batch_.attributes);
  EXPECT_NEAR(gradients.at("ce_loss.logit_scale"), tags, 1e-3 * std::abs(tags));
  EXPECT_NEAR(gradients.at("attribute_loss.logit_scale"), attributes, 1e-3 * std::abs(attributes));
}

TEST_F(TagAlignObjectiveTest, BatchWithoutAnyAttribute_LosesAndPullsAsWithoutThem) {
  batch_.attributes = at::zeros({kBatch, kAttributes});
  const auto with = objective(true);
  const auto without = objective(false);
  const auto loss = with->loss(batch_, {});
  const auto plain = without->loss(batch_, {});
  EXPECT_EQ(value(loss, 2), 0.0);
  EXPECT_EQ(loss.total.item<float>(), plain.total.item<float>());
  loss.total.backward();
  plain.total.backward();
  for (std::size_t i = 0; i < without->parameters().size(); ++i) {
    const auto& [name, tensor] = without->parameters()[i];
    EXPECT_EQ(with->parameters()[i].name, name);
    EXPECT_TRUE(at::equal(with->parameters()[i].tensor.grad(), tensor.grad())) << name;
  }
}

TEST_F(TagAlignObjectiveTest, BatchThatBringsTextFeatures_NeedsNoTokens_AndLosesTheSame) {
  const auto trained = objective(false);
  ASSERT_TRUE(trained->reads_text_features());
  const auto by_tokens = trained->loss(batch_, {});
  batch_.text = text_->encode(batch_.tokens).detach();
  batch_.tokens.reset();
  const auto by_features = trained->loss(batch_, {});
  EXPECT_EQ(by_features.total.item<float>(), by_tokens.total.item<float>());
  batch_.text = batch_.text.flip({0});
  EXPECT_NE(trained->loss(batch_, {}).total.item<float>(), by_tokens.total.item<float>());
}

TEST_F(TagAlignObjectiveTest, WithoutAttributes_TrainsWhatThePublishedCodeTrains) {
  const auto trained = objective(false);
  std::vector<std::string> scales, parts;
  for (const auto& [name, tensor] : trained->parameters()) {
    if (name.ends_with("logit_scale")) scales.push_back(name);
  }
  for (const auto& [name, tensor] : trained->loss(batch_, {}).parts) parts.push_back(name);
  EXPECT_THAT(scales, ElementsAre("cl_loss.logit_scale", "ce_loss.logit_scale"));
  EXPECT_THAT(parts, ElementsAre("infonce", "multitag"));
}

}  // namespace
}  // namespace tagalign::model
