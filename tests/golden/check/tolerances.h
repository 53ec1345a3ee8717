/// How far each quantity may lie from the reference: the "suggested bound" column of the golden
/// data's README, which also says how the reference's own float32 error was measured.
///
/// A bound that the README states as an absolute number was measured on values of a certain size
/// (in parentheses there, `typical` here); on a folder with larger values it grows with them.
#pragma once

#include <algorithm>

#include "tests/golden/check/report.h"

namespace tagalign::golden::bounds {

// clip
inline constexpr Tolerance kImageSequence{.absolute = 2e-4, .typical = 13};  // up to 13
inline constexpr Tolerance kClipProjected{.absolute = 1e-4, .typical = 4.3};
inline constexpr Tolerance kTextFeatures{.absolute = 3e-5, .typical = 3.5};
inline constexpr Tolerance kRounded4{.absolute = 1e-4};  // the JSON keeps four decimals
inline constexpr Tolerance kStandardDeviation{.absolute = 1e-5, .relative = 1e-5};

// projector
inline constexpr Tolerance kProjectorOutput{.absolute = 3e-5, .typical = 8.8};
inline constexpr Tolerance kProjectorGradient{.relative = 2e-5};  // of each tensor's largest entry
inline constexpr double kProjectorGradientSum = 5e-5;  // of the norm: entries nearly cancel

// losses
inline constexpr Tolerance kLoss{.absolute = 1e-5, .typical = 13};
inline constexpr Tolerance kLossGradient{.relative = 5e-5};  // of each tensor's largest entry

// training
inline constexpr Tolerance kTrainingLoss{.absolute = 1e-4, .typical = 10};  // and gradient norms
inline constexpr Tolerance kParameter{.absolute = 5e-5};
inline constexpr double kParameterLrSum = 8 * 2.05e-3;  // the steps' rates for which it was found
/// The README gives no bound. The reference's float32 run strays from float64 by 1.7e-4 of a
/// tensor's largest entry where gradients nearly cancel, and by 1e-5 elsewhere.
inline Tolerance training_gradient(double norm_of_all) {
  return {.absolute = 2e-7 * norm_of_all, .relative = 2e-4};
}
/// AdamW moves a parameter by up to the rate a step, whatever its gradient: the
/// error grows with it.
inline Tolerance parameter(double lr_sum) {
  return {.absolute = kParameter.absolute * std::max(1.0, lr_sum / kParameterLrSum)};
}
/// The README gives no bound. Errors of a tensor's entries are independent and mostly cancel in its
/// norm: a tenth of kParameter, as a share of the norm.
inline constexpr Tolerance kParameterNorm{.relative = 1e-5};
inline constexpr Tolerance kMoment{.relative = 2e-4};
inline constexpr Tolerance kLearningRate{.relative = 1e-12};

// inference
inline constexpr Tolerance kScore{.absolute = 1e-5};
/// Pixels that differ, and how much less the reference's class scores there than ours.
inline constexpr CountTolerance kLabelMap{.levels = 1e-5, .share = 3e-4};

// evaluation
inline constexpr double kAreaShare = 1e-4;                        // of the labelled pixels
inline constexpr Tolerance kRoundedMetric{.absolute = 1.001e-4};  // a last digit
inline constexpr Tolerance kMetric{.absolute = 1e-4};
inline constexpr Tolerance kMetricCase{.absolute = 1e-6};

}  // namespace tagalign::golden::bounds
