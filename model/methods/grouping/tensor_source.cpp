#include "model/methods/grouping/tensor_source.h"

#include <ATen/ops/zeros.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <span>

#include "base/format.h"

namespace tagalign::model {
namespace {

/// "[64, any]"
std::string shape_text(std::span<const std::int64_t> shape) {
  std::vector<std::string> sizes;
  for (const std::int64_t size : shape)
    sizes.push_back(size == kAnySize ? "any" : format("{}", size));
  return format("[{}]", fmt::join(sizes, ", "));
}

bool fits(at::IntArrayRef found, std::span<const std::int64_t> expected) {
  return std::equal(found.begin(), found.end(), expected.begin(), expected.end(),
                    [](std::int64_t a, std::int64_t b) { return b == kAnySize || a == b; });
}

/// The first few, and how many there are.
std::string some_of(std::span<const std::string> names) {
  constexpr std::size_t kNamesMax = 4;
  const auto shown = names.first(std::min(names.size(), kNamesMax));
  const std::string rest =
      names.size() > kNamesMax ? format(" and {} more", names.size() - kNamesMax) : "";
  return format("{}{}", fmt::join(shown, ", "), rest);
}

}  // namespace

at::Tensor TensorSource::take(const std::string& name, const std::vector<std::int64_t>& shape) {
  shapes_[name] = shape;
  const auto found = tensors_.find(name);
  if (found != tensors_.end() && fits(found->second.sizes(), shape)) {
    shapes_[name] = found->second.sizes().vec();
    const at::Tensor copy =
        found->second.detach().to(device_, at::kFloat, false, /*copy=*/true).contiguous();
    copy.requires_grad_(trainable_);
    return taken_[name] = copy;
  }
  if (found == tensors_.end()) {
    missing_.push_back(name);
  } else {
    refuse(format("tensor '{}': expected the shape {}, found {}", name, shape_text(shape),
                  shape_text(found->second.sizes())));
  }
  std::vector<std::int64_t> sizes = shape;
  std::ranges::replace(sizes, kAnySize, std::int64_t{1});
  return at::zeros(sizes);
}

std::int64_t TensorSource::count(const std::string& prefix, const std::string& suffix) const {
  std::int64_t number = 0;
  while (has(format("{}{}.{}", prefix, number, suffix))) ++number;
  return number;
}

void TensorSource::refuse(const std::string& reason) {
  if (wrong_.empty()) wrong_ = reason;
}

Status TensorSource::status() const {
  if (!missing_.empty()) {
    return invalid_argument(format("it lacks {} of {} tensors: {}", missing_.size(), shapes_.size(),
                                   some_of(missing_)));
  }
  if (!wrong_.empty()) return invalid_argument(wrong_);
  std::vector<std::string> unknown;
  for (const auto& [name, tensor] : tensors_) {
    if (!shapes_.contains(name)) unknown.push_back(name);
  }
  if (unknown.empty()) return ok_status();
  return invalid_argument(
      format("it holds tensors that the model does not have: {}", some_of(unknown)));
}

}  // namespace tagalign::model
