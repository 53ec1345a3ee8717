#include "data/training/broken_share.h"

#include <algorithm>
#include <cmath>

#include "base/format.h"
#include "base/limits.h"

namespace tagalign::data {

bool is_judged(std::uint64_t sample, std::uint64_t epoch_samples) {
  return sample % epoch_samples < limits::kBrokenWindow;
}

BrokenShare::BrokenShare(std::uint64_t epoch_samples, double share_max)
    : epoch_samples_(epoch_samples), share_max_(share_max) {
  TA_CHECK(epoch_samples > 0 && share_max >= 0 && share_max <= 1);
}

Status BrokenShare::add(const Step& step) {
  const std::uint64_t epoch = step.first_sample / epoch_samples_;
  if (epoch != epoch_) epoch_ = epoch, judged_ = 0, replaced_ = 0;
  for (std::uint64_t i = 0; i < step.samples; ++i)
    judged_ += is_judged(step.first_sample + i, epoch_samples_) ? 1 : 0;
  replaced_ += step.replaced;
  // A batch may hold several epochs of a small data set.
  const std::uint64_t of = std::max(judged_, std::min(epoch_samples_, limits::kBrokenWindow));
  constexpr double kRounding = 1e-9;  // 0.2 is no binary fraction
  const double allowed = std::ceil(share_max_ * static_cast<double>(of) - kRounding);
  if (static_cast<double>(replaced_) <= allowed) return {};
  return invalid_argument(
      format("train: {} of the first {} images of epoch {} cannot be read, more than "
             "data.broken_share_max {} allows; the notices name them: mend the files below "
             "data.root, or raise the share",
             replaced_, of, epoch + 1, share_max_));
}

}  // namespace tagalign::data
