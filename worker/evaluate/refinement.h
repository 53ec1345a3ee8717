/// What a configuration's `refine` asks for, in the model's terms.
#pragma once

#include <memory>

#include "configs/schema/methods/refinement.h"
#include "model/inference/refinement.h"

namespace tagalign::jobs {

/// nullptr: none. A preset is decided before (config::dataset_settings).
std::unique_ptr<model::Refinement> make_refinement(const config::RefineChoice& choice);

}  // namespace tagalign::jobs
