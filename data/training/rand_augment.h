/// RandAugment as timm 0.4.12 builds it from "rand-m9-mstd0.5-inc1": its text,
/// its draws, its operations.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/status.h"
#include "data/image/pillow.h"

namespace tagalign::data {

enum class AugmentOp : std::uint8_t {
  kAutoContrast,
  kEqualize,
  kInvert,
  kRotate,
  kPosterize,
  kSolarize,
  kSolarizeAdd,
  kColor,
  kContrast,
  kBrightness,
  kSharpness,
  kShearX,
  kShearY,
  kTranslateX,
  kTranslateY,
};
inline constexpr int kAugmentOps = 15;
/// timm's name, e.g. "PosterizeIncreasing".
std::string_view augment_op_name(AugmentOp op);

struct RandAugmentPolicy {
  double magnitude = 10;  ///< 0 … 10
  double magnitude_std = 0;
  int layers = 2;  ///< operations drawn for an image, with replacement
};

/// "rand" and any of -mX (magnitude), -nX (layers), -mstdX, and -inc1, which must be there: only
/// the "increasing" operations are offered. kInvalidArgument names the part that is not understood.
Result<RandAugmentPolicy> parse_rand_augment(std::string_view text);

/// An operation with the argument that Pillow gets: degrees, bits, threshold, amount, factor, or
/// share of the side.
struct AppliedOp {
  AugmentOp op{};
  double argument = 0;
};

/// Argument of an operation at a magnitude of 0 … 10. `negative` counts only for operations
/// with a random sign.
AppliedOp make_op(AugmentOp op, double magnitude, bool negative);
/// The operations to apply to one image: each of `layers` is applied with probability 0.5.
std::vector<AppliedOp> draw_ops(const RandAugmentPolicy& policy, RandomStream& stream);
Image apply_op(const Image& image, const AppliedOp& op);

}  // namespace tagalign::data
