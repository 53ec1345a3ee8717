/// How far a tensor lies from the expected one.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

#include "tests/golden/check/folder.h"
#include "tests/golden/check/report.h"

namespace tagalign::golden {

/// In double. Different shapes, and numbers on one side only, are a problem or infinite.
Deviation deviation_of(const at::Tensor& actual, const at::Tensor& expected);

/// Entries of two tensors of one shape that differ.
std::uint64_t count_differing(const at::Tensor& actual, const at::Tensor& expected);

/// One line for `quantity`: against the tensor `name` of `file`, or MISSING.
void compare_tensor(Report& report, const std::string& quantity, const at::Tensor& actual,
                    TensorFile& file, const std::string& name, const Tolerance& tolerance);

/// "[2, 17, 128]"
std::string shape_text(at::IntArrayRef shape);
/// As torch prints it: "torch.float16".
std::string dtype_text(at::ScalarType type);

}  // namespace tagalign::golden
