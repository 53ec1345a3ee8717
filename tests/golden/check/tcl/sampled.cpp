#include "tests/golden/check/tcl/sampled.h"

#include <ATen/ops/index_select.h>

namespace tagalign::golden::tcl {

at::Tensor sampled(const at::Tensor& tensor, TensorFile& file, const std::string& name) {
  const at::Tensor flat = tensor.detach().reshape({-1});
  const std::string index = "sample_index." + name;
  if (!file.has(index)) return flat;
  return flat.index_select(0, file.find(index)->to(at::kLong));
}

}  // namespace tagalign::golden::tcl
