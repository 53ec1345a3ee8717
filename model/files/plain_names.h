/// Names of tensors without what wraps a module in training: DataParallel's "module.",
/// torch.compile's "_orig_mod.", a trainer's "model.". Pure.
#pragma once

#include <string>
#include <vector>

#include "model/training/state_dict.h"

namespace tagalign::model {

struct PlainNames {
  std::vector<std::string> names;      ///< in the order of those that were given
  std::vector<std::string> taken_off;  ///< "module.", each once: what they no longer have
};

/// Off every name: segments that only wrappers write, wherever they stand, and "module.", "model."
/// and the like at the front, nested in any order. Off all names or none: what may also be a part
/// of a model ("teacher.", "ema."). Names stay as they are where two would become one.
PlainNames plain_names(const std::vector<std::string>& names);

/// `tensors` under their plain names. What is taken off is added to `notices` as a sentence.
StateDict with_plain_names(StateDict tensors, std::vector<std::string>& notices);

/// "'module.' was taken off the names of its tensors"; empty when nothing was.
std::string taken_off_notice(const PlainNames& plain);

}  // namespace tagalign::model
