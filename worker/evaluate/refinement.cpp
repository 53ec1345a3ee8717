#include "worker/evaluate/refinement.h"

#include <variant>

#include "model/inference/pamr.h"

namespace tagalign::jobs {

std::unique_ptr<model::Refinement> make_refinement(const config::RefineChoice& choice) {
  const auto* pamr = std::get_if<config::RefinePamr>(&choice);
  if (pamr == nullptr) return nullptr;
  return std::make_unique<model::Pamr>(
      model::PamrOptions{.iterations = pamr->iterations,
                         .dilations = {pamr->dilations.begin(), pamr->dilations.end()}});
}

}  // namespace tagalign::jobs
