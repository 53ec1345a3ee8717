/// Reads the tensors of a checkpoint that the reference implementation saved with torch.save.
#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <string>

namespace tagalign::testing {

/// The entry "model" of the checkpoint golden/`relative` (".gz" is unpacked): tensors by name.
/// Other objects of the file are passed over without being built. Throws std::runtime_error on a
/// pickle instruction that torch.save does not write.
std::map<std::string, at::Tensor> read_reference_model(const std::string& relative);

}  // namespace tagalign::testing
