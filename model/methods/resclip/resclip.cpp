#include "model/methods/resclip/resclip.h"

#include <fmt/ranges.h>

#include <utility>
#include <variant>

#include "base/format.h"
#include "configs/schema/document/choices.h"
#include "model/methods/heads/queries.h"
#include "model/methods/heads/scorer.h"
#include "model/methods/resclip/encoder.h"

namespace tagalign::model {
namespace {

/// What it is on every data set.
std::vector<MethodSetting> method_settings(const config::ResClipEvaluation& config) {
  return {{"attention", std::string(config::word(config.settings.attention))},
          {"residual", config.settings.residual ? "kept" : "none"},
          {"gaussian_std", format("{}", config.settings.gaussian_std)},
          {"blocks", format("{}", fmt::join(config.blocks, ", "))},
          {"positions", std::string(config::word(config.settings.positions))},
          {"separator", format("'{}'", config.settings.separator)}};
}

MethodSetting blend_setting(std::string name, const config::AttentionBlend& blend) {
  return {std::move(name), format("{}/{}", blend.temperature, blend.weight), false};
}

class ResClipModel final : public DenseModel {
 public:
  ResClipModel(const Materials& materials, config::ResClipEvaluation config)
      : materials_(materials), config_(std::move(config)) {}

  ClassText embed_classes(const std::vector<std::string>& classes,
                          const std::vector<std::string>& templates, int threads) const override {
    return embed_queries(materials_, split_names(classes, config_.settings.separator), templates,
                         threads);
  }
  std::unique_ptr<DenseScorer> scorer(const ClassText& text,
                                      const ScorerTask& task) const override {
    const config::ResClipEvaluation config = config_.on(task.dataset);
    const VisionTower& vision = *materials_.vision;
    return head_scorer(std::make_unique<ResClipEncoder>(vision, config, text.rows), text,
                       config.settings, vision.shape().patch_size, task.refinement);
  }
  BackgroundRule background() const override { return BackgroundRule::kAtEnd; }
  bool mixes() const override { return false; }
  std::vector<MethodSetting> settings(double, const std::string& dataset) const override {
    const config::ResClipEvaluation config = config_.on(dataset);
    std::vector<MethodSetting> all = method_settings(config);
    all.push_back(blend_setting("rcs", config.rcs));
    all.push_back(blend_setting("sfr", config.sfr));
    all.push_back({"feedback_threshold", format("{}", config.feedback_threshold), false});
    all.push_back({"delete_same_entity", config.delete_same_entity ? "true" : "false", false});
    all.push_back({"scale", format("{}", config.settings.scale), false});
    if (config.settings.area_threshold > 0)
      all.push_back({"area_threshold", format("{}", config.settings.area_threshold), false});
    return all;
  }
  std::string missing_reference(double) const override { return ""; }
  const Parameters& parameters() const override { return none_; }

 private:
  Materials materials_;
  config::ResClipEvaluation config_;
  Parameters none_;
};

Status check_depth(const VisionTower& vision, const std::vector<int>& blocks) {
  const std::int64_t found = vision.shape().vision_layers;
  const std::int64_t expected = blocks.back() + 2;
  if (found >= expected) return ok_status();
  return invalid_argument(
      format("the CLIP: expected an image encoder of at least {} blocks, of which method.blocks "
             "([{}]) averages the attention of some before the last, found {}; set clip.weights to "
             "a deeper CLIP, or method.blocks to numbers from 0 to {}",
             expected, fmt::join(blocks, ", "), found, found - 2));
}

}  // namespace

Result<std::unique_ptr<DenseModel>> resclip_model(const Materials& materials,
                                                  const StateDict& /*trained*/,
                                                  const config::EvaluationMethod& config) {
  const auto& own = std::get<config::ResClipEvaluation>(config);
  TA_RETURN_IF_ERROR(check_depth(*materials.vision, own.blocks));
  return std::unique_ptr<DenseModel>(std::make_unique<ResClipModel>(materials, own));
}

}  // namespace tagalign::model
