/// Tensors as the training fixtures store them.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>

#include "tests/golden/check/folder.h"

namespace tagalign::golden::tcl {

/// All entries of `tensor` in a row, or those of the file's "sample_index.NAME" where it has one.
at::Tensor sampled(const at::Tensor& tensor, TensorFile& file, const std::string& name);

}  // namespace tagalign::golden::tcl
