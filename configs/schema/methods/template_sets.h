/// Prompt templates by name, as the reference offers them. "{}" is the class name.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "configs/schema/methods/preset.h"

namespace tagalign::config {

struct TemplateSet {
  std::string_view name;
  std::vector<std::string> prompts;  ///< the order changes the last bits of a mean
};

/// simple (1 prompt), full (the 80 of CLIP's ImageNet evaluation), subset (7), maskclip (5),
/// custom (subset and two more, 9).
const std::vector<TemplateSet>& template_sets();

/// The prompts of a set, or nullptr.
const std::vector<std::string>* find_template_set(std::string_view name);

/// Puts the prompts of a set where its name stands; other texts stay as they are.
std::vector<std::string> expand_templates(const std::vector<std::string>& templates);

/// Each must be a prompt.
void check_prompts(const std::string& path, const std::vector<std::string>& prompts,
                   Findings& findings);
/// Each must be a prompt or the name of a set.
void check_templates(const std::string& path, const std::vector<std::string>& templates,
                     Findings& findings);

}  // namespace tagalign::config
