/// What the reference calls the trained tensors: names of its branches main and dev.
///
///   main  projector.projector.…, projector.clip_proj.…           (inside this program)
///   dev   decoder.decoder.…, decoder.image_proj.… (GDecoder) or decoder.clip_proj.… (Transformer)
///   both  cl_loss.logit_scale, ce_loss.logit_scale, label_embedding
///   ours  attribute_loss.logit_scale, where attributes are learned; the reference has none
/// Pure. Source: TERMS.md, reference §2 and §4.
#pragma once

#include <string>

#include "base/status.h"
#include "model/methods/tagalign/projector.h"
#include "model/training/state_dict.h"

namespace tagalign::model {

/// Trained where attributes are learned.
inline constexpr char kAttributeScale[] = "attribute_loss.logit_scale";

enum class Naming { kMain, kDev };
Result<Naming> naming_from_name(const std::string& name);  ///< "main", "dev"
std::string naming_name(Naming naming);
/// Told by the first name that only one of them has; kMain when none does.
Naming naming_of(const StateDict& tensors);

/// Branch main's name; a name that is equal in both, or of something else, stays as it is.
std::string main_name(const std::string& name);
/// Of a name of branch main.
std::string dev_name(const std::string& name, ProjectorKind kind);

/// A parameter that training changes, under either naming: the projector and the logit scales.
bool is_trained(const std::string& name);
/// Those, and label_embedding: all that belongs to a trained TagAlign beside the frozen CLIP.
bool is_exported(const std::string& name);

/// Those that is_exported(), under branch main's names.
StateDict exported_tensors(const StateDict& tensors);
/// `tensors` of branch main under the names of `naming`.
StateDict renamed(const StateDict& tensors, Naming naming, ProjectorKind kind);

/// Kind, depth and width of the projector, told by names of branch main and shapes.
/// kInvalidArgument when there is none.
Result<ProjectorShape> projector_shape_of(const StateDict& tensors);

}  // namespace tagalign::model
