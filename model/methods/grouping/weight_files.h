/// What the weight files of GroupViT and OVSegmentor have in common: one spelling, and how the
/// files of their authors hold tensors. Pure.
#pragma once

#include <string>
#include <string_view>

#include "model/methods/method.h"

namespace tagalign::model::grouping_files {

/// The one spelling has the method's name: kInvalidArgument for another.
Result<StateDict> respelled(const StateDict& own, const std::string& naming,
                            std::string_view method);
/// Of own tensors that are complete enough to be told as `method`'s.
WeightLayout layout(const StateDict& own, std::string_view method);
/// kUnsupported, for a method that no configuration trains.
Result<std::string> asked(std::string_view method);
/// The tensors of a .pth file, as `own` picks them.
Result<ReferenceFile> read_reference(TorchArchive& archive, std::string_view method,
                                     StateDict (*own)(const StateDict& tensors));

}  // namespace tagalign::model::grouping_files
