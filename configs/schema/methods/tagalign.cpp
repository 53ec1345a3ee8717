#include "configs/schema/methods/tagalign.h"

#include "configs/schema/methods/template_sets.h"

namespace tagalign::config {

void TagAlignTraining::check(const std::string& path, Findings& findings) const {
  check_prompts(path + ".tag_templates", tag_templates, findings);
  check_prompts(path + ".attributes.templates", attributes.templates, findings);
  if (infonce_weight == 0 && multitag_weight == 0 && attributes.weight == 0) {
    findings.push_back({path + ".infonce_weight",
                        "expected a weight above 0 here, in multitag_weight or in "
                        "attributes.weight, found 0 in all"});
  }
}

TagAlignEvaluation TagAlignEvaluation::effective() const {
  return {.scores = scores.effective(), .clip_weight = mix()};
}

}  // namespace tagalign::config
