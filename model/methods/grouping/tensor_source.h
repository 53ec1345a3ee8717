/// Takes the tensors of a model out of a state dict by name, and says what did not fit.
///
/// A builder takes every tensor that it needs and looks at status() once, at the end: what is
/// missing is replaced by zeros meanwhile. One thread.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "model/methods/method.h"
#include "model/training/state_dict.h"

namespace tagalign::model {

inline constexpr std::int64_t kAnySize = -1;

class TensorSource {
 public:
  /// Borrows `tensors`; what is taken is copied to `device` as fp32. `trainable`: the
  /// copies ask for gradients.
  TensorSource(const StateDict& tensors, at::Device device, bool trainable = false)
      : tensors_(tensors), device_(device), trainable_(trainable) {}

  bool has(const std::string& name) const { return tensors_.contains(name); }
  /// Axes of a tensor that it has().
  std::int64_t rank(const std::string& name) const { return tensors_.at(name).dim(); }
  /// `shape` may hold kAnySize.
  at::Tensor take(const std::string& name, const std::vector<std::int64_t>& shape);
  /// The number of X in "<prefix>X.<suffix>" from 0 on without a gap.
  std::int64_t count(const std::string& prefix, const std::string& suffix) const;
  /// Another reason why the tensors are no such model. The first one stays.
  void refuse(const std::string& reason);

  /// kInvalidArgument names the tensors that are missing or of another shape, and those that nobody
  /// took: a checkpoint of another model must not pass silently.
  Status status() const;
  /// What was taken: the copies.
  const StateDict& taken() const { return taken_; }
  /// Of what was taken.
  const TensorShapes& shapes() const { return shapes_; }

 private:
  const StateDict& tensors_;
  at::Device device_;
  bool trainable_;
  StateDict taken_;
  TensorShapes shapes_;
  std::vector<std::string> missing_;
  std::string wrong_;
};

}  // namespace tagalign::model
