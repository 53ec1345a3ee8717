#include "model/methods/ovsegmentor/ovsegmentor.h"

#include <ATen/ops/full.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <variant>

#include "base/format.h"

namespace tagalign::model {
namespace {

constexpr char kTextPrefix[] = "text_encoder.transformer.";
constexpr std::int64_t kTokensMax = 512;

OvSegmentorTowers take_towers(TensorSource& source, std::int64_t heads, std::int64_t text_heads) {
  GroupTower image = GroupTower::take(source, heads);
  BertTower tower = BertTower::take(source, kTextPrefix, text_heads);
  auto projection = GroupProjection::take(source, "text_projector.", tower.width());
  if (projection.embedding() != image.projection.embedding()) {
    source.refuse(
        format("its projectors end in different widths: expected one joint embedding, "
               "found {} of images and {} of text",
               image.projection.embedding(), projection.embedding()));
  }
  return {std::move(image), {std::move(tower), std::move(projection)}};
}

/// A vocabulary and a text tower, which must have one size.
Result<std::shared_ptr<const WordPieceTokenizer>> load_tokenizer(
    const Materials& materials, const config::OvSegmentorEvaluation& config,
    const BertTower& tower) {
  TA_CHECK(materials.files != nullptr, "files for the vocabulary");
  const std::string digest =
      config.vocabulary_digest.empty() ? kBertBaseUncasedDigest : config.vocabulary_digest;
  TA_ASSIGN_OR_RETURN(auto tokenizer,
                      WordPieceTokenizer::load(*materials.files, config.vocabulary, digest));
  if (tokenizer.size() != tower.vocabulary()) {
    return invalid_argument(
        format("the vocabulary {} has {} pieces, the text encoder {}: set method.vocabulary to the "
               "one that the weights were trained with",
               config.vocabulary, tokenizer.size(), tower.vocabulary()));
  }
  return std::make_shared<const WordPieceTokenizer>(std::move(tokenizer));
}

}  // namespace

TokenBatch token_batch(const WordPieceTokenizer& tokenizer, const std::vector<std::string>& texts,
                       std::size_t length_max) {
  std::vector<std::vector<std::int64_t>> rows;
  std::size_t length = 0;
  for (const std::string& text : texts) {
    rows.push_back(tokenizer.encode(text, length_max));
    length = std::max(length, rows.back().size());
  }
  const auto sizes = {static_cast<std::int64_t>(rows.size()), static_cast<std::int64_t>(length)};
  TokenBatch batch{at::full(sizes, tokenizer.padding(), at::kLong),
                   at::full(sizes, false, at::kBool)};
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto row = static_cast<std::int64_t>(i) * static_cast<std::int64_t>(length);
    std::ranges::copy(rows[i], batch.ids.mutable_data_ptr<std::int64_t>() + row);
    std::fill_n(batch.mask.mutable_data_ptr<bool>() + row, rows[i].size(), true);
  }
  return batch;
}

at::Tensor OvSegmentorText::encode(const TokenBatch& tokens) const {
  return projection.forward(tower.encode(tokens.ids, tokens.mask).select(1, 0));
}

Result<OvSegmentorTowers> ovsegmentor_towers(const StateDict& tensors,
                                             const config::OvSegmentorEvaluation& config,
                                             at::Device device) {
  TensorSource source(tensors, device);
  OvSegmentorTowers towers = take_towers(source, config.heads, config.text_heads);
  TA_RETURN_IF_ERROR(source.status());
  return towers;
}

TensorShapes ovsegmentor_shapes(const StateDict& own) {
  TensorSource source(own, at::kCPU);
  take_towers(source, /*heads=*/1, /*text_heads=*/1);
  return source.shapes();
}

Result<std::unique_ptr<DenseModel>> ovsegmentor_model(const Materials& materials,
                                                      const StateDict& trained,
                                                      const config::EvaluationMethod& config) {
  const auto& own = std::get<config::OvSegmentorEvaluation>(config);
  TA_ASSIGN_OR_RETURN(OvSegmentorTowers towers, ovsegmentor_towers(trained, own, materials.device));
  TA_ASSIGN_OR_RETURN(const auto tokenizer, load_tokenizer(materials, own, towers.text.tower));
  const auto text = std::make_shared<const OvSegmentorText>(std::move(towers.text));
  const auto encode = [text, tokenizer,
                       device = materials.device](const std::vector<std::string>& prompts) {
    const std::int64_t length = std::min(kTokensMax, text->tower.positions());
    const TokenBatch tokens = token_batch(*tokenizer, prompts, static_cast<std::size_t>(length));
    return text->encode({tokens.ids.to(device), tokens.mask.to(device)});
  };
  std::vector<MethodSetting> settings = {{"kept_classes", format("{}", own.kept_classes)}};
  return make_group_model({.tower = std::move(towers.image),
                           .encode_prompts = encode,
                           .kept_classes = own.kept_classes,
                           .settings = std::move(settings)});
}

}  // namespace tagalign::model
