#include "model/methods/proxyclip/proxyclip.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/tensor.h>

#include <array>
#include <utility>
#include <variant>

#include "base/format.h"
#include "configs/schema/document/choices.h"
#include "model/methods/heads/queries.h"
#include "model/methods/heads/scorer.h"
#include "model/methods/proxyclip/attention.h"

namespace tagalign::model {
namespace {

using Colors = std::array<double, 3>;
constexpr Colors kClipMean = {0.48145466, 0.4578275, 0.40821073};
constexpr Colors kClipDeviation = {0.26862954, 0.26130258, 0.27577711};
constexpr Colors kImageNetMean = {0.485, 0.456, 0.406};
constexpr Colors kImageNetDeviation = {0.229, 0.224, 0.225};

at::Tensor channels(const Colors& colors, const at::Tensor& like) {
  return at::tensor(at::ArrayRef<double>(colors), like.options().dtype(at::kFloat))
      .view({1, 3, 1, 1});
}

class ProxyEncoder final : public PatchEncoder {
 public:
  ProxyEncoder(const VisionTower& vision, std::shared_ptr<const DinoTower> dino,
               const config::ProxyClipEvaluation& config)
      : vision_(vision),
        dino_(std::move(dino)),
        rule_{config.beta, config.gamma},
        positions_(position_rule(config.settings)) {}

  PatchFeatures encode(const at::Tensor& windows) const override {
    const PatchGrid grid = dino_->grid_of(windows);
    const at::Tensor cosines = patch_cosines(dino_->encode(imagenet_pixels(windows)));
    const at::Tensor means = cosines.mean(at::IntArrayRef{1, 2}, /*keepdim=*/true);
    const at::Tensor weights = proxy_weights(cosines, means, rule_);
    return {apply_proxy(vision_, windows, positions_, weights, grid), grid};
  }

 private:
  const VisionTower& vision_;
  std::shared_ptr<const DinoTower> dino_;
  ProxyRule rule_;
  PositionRule positions_;
};

class ProxyClipModel final : public DenseModel {
 public:
  ProxyClipModel(const Materials& materials, config::ProxyClipEvaluation config,
                 std::shared_ptr<const DinoTower> dino)
      : materials_(materials), config_(std::move(config)), dino_(std::move(dino)) {}

  ClassText embed_classes(const std::vector<std::string>& classes,
                          const std::vector<std::string>& templates, int threads) const override {
    return embed_queries(materials_, split_names(classes, config_.settings.separator), templates,
                         threads);
  }
  std::unique_ptr<DenseScorer> scorer(const ClassText& text,
                                      const ScorerTask& task) const override {
    return head_scorer(proxy_encoder(*materials_.vision, dino_, config_), text,
                       config_.settings.on(task.dataset), config_.multiple, task.refinement);
  }
  BackgroundRule background() const override { return BackgroundRule::kAtEnd; }
  bool mixes() const override { return false; }
  std::vector<MethodSetting> settings(double, const std::string& dataset) const override {
    const config::HeadSettings settings = config_.settings.on(dataset);
    std::vector<MethodSetting> all = {
        {"beta", format("{}", config_.beta)},
        {"gamma", format("{}", config_.gamma)},
        {"dino", format("width {}, patch {}", dino_->width(), dino_->patch_size())},
        {"multiple", format("{}", config_.multiple)},
        {"positions", std::string(config::word(settings.positions))},
        {"separator", format("'{}'", settings.separator)},
        {"scale", format("{}", settings.scale), false},
    };
    if (settings.area_threshold > 0)
      all.push_back({"area_threshold", format("{}", settings.area_threshold), false});
    return all;
  }
  std::string missing_reference(double) const override { return ""; }
  const Parameters& parameters() const override { return none_; }

 private:
  Materials materials_;
  config::ProxyClipEvaluation config_;
  std::shared_ptr<const DinoTower> dino_;
  Parameters none_;
};

}  // namespace

at::Tensor imagenet_pixels(const at::Tensor& windows) {
  const at::Tensor pixels =
      windows * channels(kClipDeviation, windows) + channels(kClipMean, windows);
  return (pixels - channels(kImageNetMean, windows)) / channels(kImageNetDeviation, windows);
}

Result<std::shared_ptr<const DinoTower>> load_dino(const Materials& materials,
                                                   const config::ProxyClipEvaluation& config) {
  TA_CHECK(materials.read_weights != nullptr, "a reader of weight files");
  const auto weights = materials.read_weights(config.dino);
  if (!weights.ok()) return weights.status().with_context("method.dino");
  auto tower = DinoTower::create(*weights, config.dino_heads, materials.device);
  if (!tower.ok()) {
    return invalid_argument(
        format("{} is no DINO ViT: {}; set method.dino to one under its authors' names, such as "
               "dino_vitbase8_pretrain.pth",
               config.dino, tower.status().message()));
  }
  if (config.multiple % tower->patch_size() != 0) {
    return invalid_argument(format(
        "the DINO ViT {}: expected patches of which method.multiple ({}) holds a whole "
        "number, found {} pixels; set method.multiple to a multiple of {}, or method.dino to "
        "a DINO of patch 8",
        config.dino, config.multiple, tower->patch_size(), tower->patch_size()));
  }
  return std::make_shared<const DinoTower>(std::move(tower).value());
}

std::unique_ptr<PatchEncoder> proxy_encoder(const VisionTower& vision,
                                            std::shared_ptr<const DinoTower> dino,
                                            const config::ProxyClipEvaluation& config) {
  return std::make_unique<ProxyEncoder>(vision, std::move(dino), config);
}

Result<std::unique_ptr<DenseModel>> proxyclip_model(const Materials& materials,
                                                    const StateDict& /*trained*/,
                                                    const config::EvaluationMethod& config) {
  const auto& own = std::get<config::ProxyClipEvaluation>(config);
  TA_ASSIGN_OR_RETURN(auto dino, load_dino(materials, own));
  return std::unique_ptr<DenseModel>(
      std::make_unique<ProxyClipModel>(materials, own, std::move(dino)));
}

}  // namespace tagalign::model
