/// The two halves of group augmentation: pixels, and the distributions of the draws.
#pragma once

#include <optional>
#include <string>

#include "data/training/rand_augment.h"
#include "tests/golden/check/folder.h"
#include "tests/golden/check/report.h"

namespace tagalign::golden {

/// By timm's name.
std::optional<data::AugmentOp> op_named(const std::string& name);

/// Compares the part `name` of augmentation.json (`facts`) with draws of ours from fixed seeds.
void compare_draws(const Json& facts, const std::string& name, Report& report);

}  // namespace tagalign::golden
