#include "tests/golden/check/clip_surgery/checks.h"

#include <ATen/core/grad_mode.h>

#include <utility>

#include "configs/schema/methods/template_sets.h"
#include "tests/golden/check/clip_surgery/parts.h"

namespace tagalign::golden::clip_surgery {

std::unique_ptr<model::DenseModel> surgery_model(const Clip& clip,
                                                 const config::ClipSurgeryEvaluation& section) {
  const model::Method& row = *model::find_method(section.kName).value();
  return row.dense_model(clip.materials(), {}, section).value();
}

Texts::Texts(const Clip& clip, const std::vector<std::string>& classes) : clip_(clip) {
  const config::ClipSurgeryEvaluation section;
  text_ = surgery_model(clip, section)
              ->embed_classes(classes, config::expand_templates(section.preset().templates), 1);
}

std::unique_ptr<model::DenseScorer> Texts::scorer(
    const config::ClipSurgeryEvaluation& section) const {
  return surgery_model(clip_, section)->scorer(text_, {});
}

void check_clip_surgery(Folder& folder, Report& report) {
  const at::NoGradGuard no_grad;
  const auto clip = load_clip(folder, report);
  const Json* facts = folder.json(std::string(kFolder) + "clip_surgery.json");
  if (clip == nullptr || facts == nullptr) return;
  compare_encoder(folder, *clip, report);
  compare_texts(folder, *clip, *facts, report);
  compare_images(folder, *clip, *facts, report);
}

}  // namespace tagalign::golden::clip_surgery
