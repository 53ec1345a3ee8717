/// The "suggested bound" column of the README of the heads' golden data; `typical` is the largest
/// value of which it speaks.
#pragma once

#include "tests/golden/check/report.h"

namespace tagalign::golden::heads {

inline constexpr Tolerance kTokens{.absolute = 2e-4, .typical = 11};
inline constexpr Tolerance kFeatures{.absolute = 2e-4, .typical = 4.4};
inline constexpr Tolerance kAttention{.absolute = 4e-5, .typical = 2.8};
inline constexpr Tolerance kBicubicPositions{.absolute = 1e-5};
inline constexpr Tolerance kGaussian{.absolute = 1e-6};
inline constexpr Tolerance kDinoFeatures{.absolute = 3e-5, .typical = 3.9};
inline constexpr Tolerance kProxyAttention{.absolute = 2e-6};
inline constexpr Tolerance kProxyFeatures{.absolute = 4e-5, .typical = 3.4};
inline constexpr CountTolerance kPatchQueries{};
inline constexpr Tolerance kFeedback{.absolute = 1e-7, .typical = 0.08};
inline constexpr Tolerance kText{.absolute = 3e-6};
inline constexpr Tolerance kWindowCosines{.absolute = 5e-6};
inline constexpr Tolerance kCosines{.absolute = 1e-5};
/// Flat parts of an image make PAMR's weights noise: of 100 values 99 lie within kCosines.
inline constexpr CountTolerance kRefinedCosines{.levels = 1, .share = 0.01};
inline constexpr Tolerance kClassValues{.absolute = 5e-5};
inline constexpr CountTolerance kLabels{.levels = 1e9, .share = 1e-4};
inline constexpr CountTolerance kRefinedLabels{.levels = 1e9, .share = 3e-4};
inline constexpr Tolerance kPamr{.absolute = 6e-5, .typical = 2.7};

}  // namespace tagalign::golden::heads
