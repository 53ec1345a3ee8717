#include <utility>
#include <variant>

#include "base/format.h"
#include "configs/schema/document/choices.h"
#include "model/methods/clip_surgery/clip_surgery.h"
#include "model/methods/clip_surgery/scorer.h"
#include "model/methods/heads/queries.h"

namespace tagalign::model {
namespace {

class SurgeryModel final : public DenseModel {
 public:
  SurgeryModel(const Materials& materials, config::ClipSurgeryEvaluation config)
      : materials_(materials), config_(std::move(config)) {}

  /// The empty text's row is the last.
  ClassText embed_classes(const std::vector<std::string>& classes,
                          const std::vector<std::string>& templates, int threads) const override {
    QueryNames texts = split_names(classes, config_.separator);
    texts.names.emplace_back();
    return embed_queries(materials_, std::move(texts), templates, threads);
  }
  std::unique_ptr<DenseScorer> scorer(const ClassText& text,
                                      const ScorerTask& task) const override {
    return clip_surgery_scorer(*materials_.vision, text, config_, task.refinement);
  }
  bool mixes() const override { return false; }
  std::vector<MethodSetting> settings(double, const std::string&) const override {
    return {{"argmax", std::string(config::word(config_.argmax))},
            {"ranking", std::string(config::word(config_.ranking)), false},
            {"separator", format("'{}'", config_.separator), false}};
  }
  std::string missing_reference(double) const override { return ""; }
  const Parameters& parameters() const override { return none_; }

 private:
  Materials materials_;
  config::ClipSurgeryEvaluation config_;
  Parameters none_;
};

}  // namespace

Result<std::unique_ptr<DenseModel>> clip_surgery_model(const Materials& materials, const StateDict&,
                                                       const config::EvaluationMethod& config) {
  return std::unique_ptr<DenseModel>(
      std::make_unique<SurgeryModel>(materials, std::get<config::ClipSurgeryEvaluation>(config)));
}

}  // namespace tagalign::model
