/// The weights in a PyTorch file, wherever in it they lie and whatever wrapped them in training.
#pragma once

#include <string>

#include "base/status.h"
#include "model/files/torch_archive.h"
#include "model/training/state_dict.h"

namespace tagalign::model {

/// The dict of names and tensors, and the keys that lead to it.
struct FoundStateDict {
  const PickleDict* dict = nullptr;
  std::string path;      ///< "checkpoint.model_state_dict"; empty: it is the root
  bool is_said = false;  ///< a notice says which of several it is
};

/// The root itself, or the one dict below it, under a key at a time, that holds tensors: "model",
/// else "state_dict", else the only one beside optimisers and the like, else the only one with a
/// usual name ("model_state_dict", "net"). What else could have been meant becomes a notice.
/// kInvalidArgument names what is found: several that may be meant, none, foreign names beside
/// tensors of the root.
Result<FoundStateDict> find_state_dict(TorchArchive& archive);

/// All weights of the archive under their plain_names():
///   a TorchScript archive  parameters and buffers of the module and those below it
///   a state dict           of find_state_dict(): its tensors, and a notice of the keys above
///                          them, but for "model". Numbers, strings and None beside them are passed
///                          over; tensors of types that are not read, and containers, are noted in
///                          the archive
/// kInvalidArgument names what else is found, foreign names first: a file that is nothing but
/// weights has no reason to hold any.
Result<StateDict> read_weights(TorchArchive& archive);

/// The tensors of one dict of the archive under their names in it. `what` names it in messages.
Result<StateDict> read_tensors(TorchArchive& archive, const PickleDict& dict,
                               const std::string& what);

}  // namespace tagalign::model
