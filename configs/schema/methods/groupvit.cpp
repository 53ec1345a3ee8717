#include "configs/schema/methods/groupvit.h"

#include "base/format.h"
#include "configs/schema/methods/template_sets.h"

namespace tagalign::config {
namespace {

constexpr int kTextHeadWidth = 64;

void check_multiple(const std::string& path, int value, int of, Findings& findings) {
  if (value % of == 0) return;
  findings.push_back({path, format("expected a multiple of {}, found {}", of, value)});
}

}  // namespace

void GroupVitTraining::check(const std::string& path, Findings& findings) const {
  check_multiple(path + ".image.width", image.width, image.heads, findings);
  check_multiple(path + ".text.width", text.width, kTextHeadWidth, findings);
  if (image.depths.size() != image.groups.size() + 1) {
    findings.push_back(
        {path + ".image.depths",
         format("expected one stage more than the {} of image.groups, the last without groups; "
                "found {}",
                image.groups.size(), image.depths.size())});
  }
  check_templates(path + ".prompt_templates", prompt_templates, findings);
}

}  // namespace tagalign::config
