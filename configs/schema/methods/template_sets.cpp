#include "configs/schema/methods/template_sets.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "base/format.h"

namespace tagalign::config {
namespace {

using Prompts = std::vector<std::string>;

const Prompts kSubset = {
    "itap of a {}.",
    "a bad photo of a {}.",
    "a origami {}.",
    "a photo of the large {}.",
    "a {} in a video game.",
    "art of the {}.",
    "a photo of the small {}.",
};

const Prompts kMaskClip = {
    "there is a {} in the scene.",  "there is the {} in the scene.", "this is a {} in the scene.",
    "this is the {} in the scene.", "this is one {} in the scene.",
};

/// CLIP's prompts for ImageNet.
const Prompts kFull = {
    "a bad photo of a {}.",
    "a photo of many {}.",
    "a sculpture of a {}.",
    "a photo of the hard to see {}.",
    "a low resolution photo of the {}.",
    "a rendering of a {}.",
    "graffiti of a {}.",
    "a bad photo of the {}.",
    "a cropped photo of the {}.",
    "a tattoo of a {}.",
    "the embroidered {}.",
    "a photo of a hard to see {}.",
    "a bright photo of a {}.",
    "a photo of a clean {}.",
    "a photo of a dirty {}.",
    "a dark photo of the {}.",
    "a drawing of a {}.",
    "a photo of my {}.",
    "the plastic {}.",
    "a photo of the cool {}.",
    "a close-up photo of a {}.",
    "a black and white photo of the {}.",
    "a painting of the {}.",
    "a painting of a {}.",
    "a pixelated photo of the {}.",
    "a sculpture of the {}.",
    "a bright photo of the {}.",
    "a cropped photo of a {}.",
    "a plastic {}.",
    "a photo of the dirty {}.",
    "a jpeg corrupted photo of a {}.",
    "a blurry photo of the {}.",
    "a photo of the {}.",
    "a good photo of the {}.",
    "a rendering of the {}.",
    "a {} in a video game.",
    "a photo of one {}.",
    "a doodle of a {}.",
    "a close-up photo of the {}.",
    "a photo of a {}.",
    "the origami {}.",
    "the {} in a video game.",
    "a sketch of a {}.",
    "a doodle of the {}.",
    "a origami {}.",
    "a low resolution photo of a {}.",
    "the toy {}.",
    "a rendition of the {}.",
    "a photo of the clean {}.",
    "a photo of a large {}.",
    "a rendition of a {}.",
    "a photo of a nice {}.",
    "a photo of a weird {}.",
    "a blurry photo of a {}.",
    "a cartoon {}.",
    "art of a {}.",
    "a sketch of the {}.",
    "a embroidered {}.",
    "a pixelated photo of a {}.",
    "itap of the {}.",
    "a jpeg corrupted photo of the {}.",
    "a good photo of a {}.",
    "a plushie {}.",
    "a photo of the nice {}.",
    "a photo of the small {}.",
    "a photo of the weird {}.",
    "the cartoon {}.",
    "art of the {}.",
    "a drawing of the {}.",
    "a photo of the large {}.",
    "a black and white photo of a {}.",
    "the plushie {}.",
    "a dark photo of a {}.",
    "itap of a {}.",
    "graffiti of the {}.",
    "a toy {}.",
    "itap of my {}.",
    "a photo of a cool {}.",
    "a photo of a small {}.",
    "a tattoo of the {}.",
};

Prompts custom() {
  Prompts prompts = kSubset;
  prompts.push_back("a photo of many {}.");
  prompts.push_back("a photo of {}s.");
  return prompts;
}

}  // namespace

const std::vector<TemplateSet>& template_sets() {
  static const std::vector<TemplateSet> sets = {{"simple", {"a photo of a {}."}},
                                                {"full", kFull},
                                                {"subset", kSubset},
                                                {"maskclip", kMaskClip},
                                                {"custom", custom()}};
  return sets;
}

const std::vector<std::string>* find_template_set(std::string_view name) {
  const auto& sets = template_sets();
  const auto found = std::ranges::find(sets, name, &TemplateSet::name);
  return found == sets.end() ? nullptr : &found->prompts;
}

std::vector<std::string> expand_templates(const std::vector<std::string>& templates) {
  std::vector<std::string> prompts;
  for (const std::string& text : templates) {
    if (const auto* set = find_template_set(text)) {
      prompts.insert(prompts.end(), set->begin(), set->end());
    } else {
      prompts.push_back(text);
    }
  }
  return prompts;
}

namespace {

bool is_prompt(const std::string& text) {
  const std::size_t at = text.find("{}");
  return at != std::string::npos && text.find("{}", at + 2) == std::string::npos;
}

}  // namespace

void check_prompts(const std::string& path, const std::vector<std::string>& prompts,
                   Findings& findings) {
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    if (is_prompt(prompts[i])) continue;
    findings.push_back(
        {format("{}.{}", path, i),
         format("expected a prompt with one {{}} for the name, found '{}'", prompts[i])});
  }
}

void check_templates(const std::string& path, const std::vector<std::string>& templates,
                     Findings& findings) {
  std::vector<std::string_view> sets;
  for (const TemplateSet& set : template_sets()) sets.push_back(set.name);
  for (std::size_t i = 0; i < templates.size(); ++i) {
    if (is_prompt(templates[i]) || find_template_set(templates[i]) != nullptr) continue;
    findings.push_back(
        {format("{}.{}", path, i),
         format("expected a prompt with one {{}} for the name, or one of the sets {}; found '{}'",
                fmt::join(sets, ", "), templates[i])});
  }
}

}  // namespace tagalign::config
