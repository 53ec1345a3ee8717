/// The bounds of the TCL fixtures' README. Those that it states for values of a certain size (its
/// parentheses) grow with larger ones.
#pragma once

#include "tests/golden/check/report.h"

namespace tagalign::golden::tcl::bounds {

// masker
inline constexpr Tolerance kFeatures{.absolute = 1e-4, .typical = 13};
inline constexpr Tolerance kImageEmbedding{.absolute = 1e-4, .typical = 3.4};
inline constexpr Tolerance kEmbedding{.absolute = 1e-4, .typical = 5};
inline constexpr Tolerance kMask{.absolute = 1e-5};
inline constexpr Tolerance kRefinedMask{.absolute = 5e-5};
/// A soft mask within rounding of 0.5 may fall on either side.
inline constexpr double kHalfMargin = 1e-5;

// pamr
inline constexpr Tolerance kDeviation{.absolute = 1e-6, .typical = 1};
inline constexpr Tolerance kAffinity{.absolute = 1e-5};
inline constexpr Tolerance kRefined{.absolute = 1e-4, .typical = 1};

// losses
inline constexpr Tolerance kLoss{.absolute = 1e-5, .typical = 5};
inline constexpr double kGradient = 1e-4;  // of max(largest entry, kGradientFloor)
inline constexpr double kGradientFloor = 1e-3;

// training
inline constexpr Tolerance kTrainingLoss{.absolute = 1e-4};
inline constexpr Tolerance kGradientNorm{.absolute = 5e-4};
inline constexpr Tolerance kTrainingGradient{.absolute = 3e-6};
inline constexpr Tolerance kVariationGradient{.absolute = 3e-5};
inline constexpr Tolerance kParameter{.absolute = 2e-6};
inline constexpr Tolerance kVariationParameter{.absolute = 1e-4};
inline constexpr Tolerance kLearningRate{.relative = 1e-9};

// inference
inline constexpr Tolerance kScores{.absolute = 2e-5};
inline constexpr Tolerance kRefinedScores{.absolute = 5e-5};
inline constexpr double kLabelShare = 1e-4;

// evaluation
inline constexpr double kAreaShare = 1e-4;  // of the labelled pixels
inline constexpr Tolerance kMetric{.absolute = 1e-4};

}  // namespace tagalign::golden::tcl::bounds
