#include "configs/schema/methods/refinement.h"

#include <fmt/ranges.h>

#include "base/format.h"

namespace tagalign::config {

std::string describe(const RefineChoice& refine) {
  if (const auto* pamr = std::get_if<RefinePamr>(&refine)) {
    return format("pamr({};{})", pamr->iterations, fmt::join(pamr->dilations, ","));
  }
  return std::visit([](const auto& chosen) { return std::string(chosen.kName); }, refine);
}

}  // namespace tagalign::config
