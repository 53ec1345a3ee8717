#include <utility>
#include <variant>

#include "base/format.h"
#include "model/methods/heads/heads.h"
#include "model/methods/heads/patch_encoder.h"
#include "model/methods/heads/queries.h"
#include "model/methods/heads/scorer.h"

namespace tagalign::model {
namespace {

class HeadModel final : public DenseModel {
 public:
  HeadModel(const Materials& materials, config::HeadSettings settings)
      : materials_(materials), settings_(std::move(settings)) {}

  ClassText embed_classes(const std::vector<std::string>& classes,
                          const std::vector<std::string>& templates, int threads) const override {
    return embed_queries(materials_, split_names(classes, settings_.separator), templates, threads);
  }
  std::unique_ptr<DenseScorer> scorer(const ClassText& text,
                                      const ScorerTask& task) const override {
    const config::HeadSettings settings = settings_.on(task.dataset);
    return head_scorer(last_block_encoder(*materials_.vision, settings), text, settings,
                       materials_.vision->shape().patch_size, task.refinement);
  }
  BackgroundRule background() const override { return BackgroundRule::kAtEnd; }
  bool mixes() const override { return false; }
  std::vector<MethodSetting> settings(double, const std::string& dataset) const override {
    const config::HeadSettings settings = settings_.on(dataset);
    std::vector<MethodSetting> all = {
        {"attention", std::string(config::word(settings.attention))},
        {"residual", settings.residual ? "kept" : "none"},
        {"positions", std::string(config::word(settings.positions))},
        {"remainder", std::string(config::word(settings.remainder))},
        {"separator", format("'{}'", settings.separator)},
        {"scale", format("{}", settings.scale), false},
    };
    if (uses_neighbours(settings))
      all.push_back({"gaussian_std", format("{}", settings.gaussian_std)});
    if (settings.area_threshold > 0)
      all.push_back({"area_threshold", format("{}", settings.area_threshold), false});
    return all;
  }
  std::string missing_reference(double) const override { return ""; }
  const Parameters& parameters() const override { return none_; }

 private:
  static bool uses_neighbours(const config::HeadSettings& settings) {
    return settings.attention == config::HeadAttention::kKeyNeighbours ||
           settings.attention == config::HeadAttention::kNeighbours;
  }

  Materials materials_;
  config::HeadSettings settings_;
  Parameters none_;
};

struct SettingsOf {
  template <class T>
  config::HeadSettings operator()(const T& section) const {
    if constexpr (requires { section.settings.separator; }) {
      return section.settings;
    } else {
      TA_CHECK(false, "a section of a head");
    }
  }
};

}  // namespace

Result<std::unique_ptr<DenseModel>> head_model(const Materials& materials, const StateDict&,
                                               const config::EvaluationMethod& config) {
  return std::unique_ptr<DenseModel>(
      std::make_unique<HeadModel>(materials, std::visit(SettingsOf{}, config)));
}

}  // namespace tagalign::model
