/// Fixtures as at::Tensor, and how far a result lies from them.
#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <string>

#include "tests/support/golden_files.h"

namespace tagalign::testing {

/// All tensors of a safetensors file in their stored types, on the CPU.
std::map<std::string, at::Tensor> read_golden_tensors(const std::string& relative);

/// Largest |actual − expected|, in double; infinity when shapes differ or a value is not a number
/// in one of them only.
double max_deviation(const at::Tensor& actual, const at::Tensor& expected);
/// max_deviation divided by the largest |expected| (1 when that is 0).
double relative_deviation(const at::Tensor& actual, const at::Tensor& expected);

}  // namespace tagalign::testing
