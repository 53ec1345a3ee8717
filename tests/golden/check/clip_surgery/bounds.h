/// The "suggested bound" column of the README of the heads' golden data; `typical` is the largest
/// value of which it speaks. What it has no row for takes the bound of the quantity that it is made
/// of: normalised features that of cosines, means of maps that of maps.
#pragma once

#include "tests/golden/check/report.h"

namespace tagalign::golden::clip_surgery {

inline constexpr Tolerance kFeatures{.absolute = 1e-4, .typical = 4.3};
inline constexpr Tolerance kTokens{.absolute = 2e-4, .typical = 11.6};
inline constexpr Tolerance kPositions{.absolute = 3e-6};
inline constexpr Tolerance kText{.absolute = 3e-6};
inline constexpr Tolerance kScores{.absolute = 5e-6};
inline constexpr Tolerance kMaps{.absolute = 4e-5};
inline constexpr Tolerance kSoftmax{.absolute = 2e-5};
inline constexpr Tolerance kRanking{.absolute = 2e-6};
// Close calls of the twenty words: 28 of 172,800 labels differ on an AMD EPYC without AVX-512.
inline constexpr CountTolerance kLabels{.levels = 1e9, .share = 3e-4};
inline constexpr CountTolerance kBytes{};
inline constexpr CountTolerance kPoints{};
/// Two cells closer than this have no defined order.
inline constexpr float kTie = 1e-6F;

}  // namespace tagalign::golden::clip_surgery
