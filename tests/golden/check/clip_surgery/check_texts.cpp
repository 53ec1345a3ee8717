#include "configs/schema/methods/template_sets.h"
#include "tests/golden/check/clip_surgery/bounds.h"
#include "tests/golden/check/clip_surgery/parts.h"
#include "tests/golden/check/compare.h"

namespace tagalign::golden::clip_surgery {
namespace {

using Names = std::vector<std::string>;

void compare_rows(const std::string& name, const at::Tensor& rows, TensorFile& file,
                  Report& report) {
  compare_tensor(report, "text " + name, rows, file, name, kText);
}

/// Templates of the folder's own for one list: templates_custom.LIST.
void compare_custom(const Clip& clip, const Json& facts, TensorFile& file, Report& report) {
  if (!facts.contains("custom_templates")) return;
  const auto templates = facts.at("custom_templates").get<Names>();
  for (const auto& [list, classes] : facts.at("class_lists").items()) {
    const std::string name = "templates_custom." + list;
    if (!file.has(name)) continue;
    const auto text = surgery_model(clip, {})->embed_classes(classes.get<Names>(), templates, 1);
    compare_rows(name, text.rows.slice(0, 0, -1), file, report);
  }
}

}  // namespace

void compare_texts(Folder& folder, const Clip& clip, const Json& facts, Report& report) {
  TensorFile* file = folder.tensors(std::string(kFolder) + "text.safetensors");
  if (file == nullptr) return;
  const auto prompts = config::expand_templates(config::ClipSurgeryEvaluation::preset().templates);
  report.equal("templates of a text", static_cast<std::int64_t>(prompts.size()),
               facts.at("templates_in_default_ensemble").get<std::int64_t>());
  const Json* templates = folder.json("classes/templates.json");
  if (templates != nullptr) {
    Names expected = templates->at("imagenet80").get<Names>();
    for (const Json& text : templates->at("scene5")) expected.push_back(text);
    report.equal("the templates", Json(prompts).dump(), Json(expected).dump());
  }
  for (const auto& [list, classes] : facts.at("class_lists").items()) {
    const Texts texts(clip, classes.get<Names>());
    compare_rows("ensemble." + list, texts.rows().slice(0, 0, -1), *file, report);
  }
  for (const Json& text : facts.at("single_texts")) {
    const Texts texts(clip, {text.get<std::string>()});
    compare_rows("ensemble.single." + text.get<std::string>(), texts.rows().slice(0, 0, -1), *file,
                 report);
    if (text == facts.at("single_texts").front())
      compare_rows("ensemble.empty", texts.rows().slice(0, -1), *file, report);
  }
  compare_custom(clip, facts, *file, report);
}

}  // namespace tagalign::golden::clip_surgery
