#include "data/training/rand_augment.h"

#include <algorithm>
#include <charconv>

#include "base/format.h"

namespace tagalign::data {
namespace {

constexpr double kMagnitudeMax = 10;
constexpr double kApplyProbability = 0.5;
constexpr int kLayersMax = 16;
constexpr FillColor kFill{124, 116, 104};

constexpr std::array<std::string_view, kAugmentOps> kNames{"AutoContrast",
                                                           "Equalize",
                                                           "Invert",
                                                           "Rotate",
                                                           "PosterizeIncreasing",
                                                           "SolarizeIncreasing",
                                                           "SolarizeAdd",
                                                           "ColorIncreasing",
                                                           "ContrastIncreasing",
                                                           "BrightnessIncreasing",
                                                           "SharpnessIncreasing",
                                                           "ShearX",
                                                           "ShearY",
                                                           "TranslateXRel",
                                                           "TranslateYRel"};

bool has_random_sign(AugmentOp op) {
  switch (op) {
    case AugmentOp::kAutoContrast:
    case AugmentOp::kEqualize:
    case AugmentOp::kInvert:
    case AugmentOp::kPosterize:
    case AugmentOp::kSolarize:
    case AugmentOp::kSolarizeAdd:
      return false;
    default:
      return true;
  }
}

bool parse_number(std::string_view text, double& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

Status refuse(std::string_view text, std::string_view part, std::string_view expected) {
  return invalid_argument(
      format("augment.rand_augment '{}': expected {}, found '{}'; for example rand-m9-mstd0.5-inc1",
             text, expected, part));
}

/// Reads one part between dashes, such as "m9".
Status parse_part(std::string_view text, std::string_view part, RandAugmentPolicy& policy,
                  bool& increasing) {
  const std::size_t split = std::min(part.find_first_of("0123456789."), part.size());
  const std::string_view key = part.substr(0, split);
  double value = 0;
  if (!parse_number(part.substr(split), value))
    return refuse(text, part, "a key followed by a number");
  if (key == "m") {
    if (value > kMagnitudeMax) return refuse(text, part, "a magnitude of 0 … 10");
    policy.magnitude = value;
  } else if (key == "mstd") {
    policy.magnitude_std = value;
  } else if (key == "n") {
    if (value < 1 || value > kLayersMax || value != static_cast<int>(value))
      return refuse(text, part, "1 … 16 layers");
    policy.layers = static_cast<int>(value);
  } else if (key == "inc") {
    increasing = value != 0;
  } else {
    return refuse(text, part, "m, mstd, n or inc");
  }
  return {};
}

}  // namespace

std::string_view augment_op_name(AugmentOp op) {
  return kNames[static_cast<std::size_t>(op)];
}

Result<RandAugmentPolicy> parse_rand_augment(std::string_view text) {
  RandAugmentPolicy policy;
  bool increasing = false;
  std::string_view rest = text;
  for (bool first = true; !rest.empty() || first; first = false) {
    const std::size_t dash = std::min(rest.find('-'), rest.size());
    const std::string_view part = rest.substr(0, dash);
    rest.remove_prefix(std::min(dash + 1, rest.size()));
    if (first) {
      if (part != "rand") return refuse(text, part, "'rand' at the start");
      continue;
    }
    TA_RETURN_IF_ERROR(parse_part(text, part, policy, increasing));
  }
  if (!increasing)
    return refuse(text, text,
                  "inc1, since only operations that grow with the magnitude are offered");
  return policy;
}

AppliedOp make_op(AugmentOp op, double magnitude, bool negative) {
  const double share = magnitude / kMagnitudeMax;
  const auto sign = [&](double value) { return negative ? -value : value; };
  switch (op) {
    case AugmentOp::kAutoContrast:
    case AugmentOp::kEqualize:
    case AugmentOp::kInvert:
      return {op, 0};
    case AugmentOp::kRotate:
      return {op, sign(share * 30.0)};
    case AugmentOp::kPosterize:
      return {op, 4.0 - static_cast<int>(share * 4)};
    case AugmentOp::kSolarize:
      return {op, 256.0 - static_cast<int>(share * 256)};
    case AugmentOp::kSolarizeAdd:
      return {op, static_cast<double>(static_cast<int>(share * 110))};
    case AugmentOp::kColor:
    case AugmentOp::kContrast:
    case AugmentOp::kBrightness:
    case AugmentOp::kSharpness:
      return {op, 1.0 + sign(share * 0.9)};
    case AugmentOp::kShearX:
    case AugmentOp::kShearY:
      return {op, sign(share * 0.3)};
    case AugmentOp::kTranslateX:
    case AugmentOp::kTranslateY:
      return {op, sign(share * 0.45)};
  }
  return {};
}

std::vector<AppliedOp> draw_ops(const RandAugmentPolicy& policy, RandomStream& stream) {
  std::vector<AugmentOp> chosen;
  for (int i = 0; i < policy.layers; ++i)
    chosen.push_back(static_cast<AugmentOp>(stream.below(kAugmentOps)));
  std::vector<AppliedOp> applied;
  for (const AugmentOp op : chosen) {
    if (!stream.chance(kApplyProbability)) continue;
    const double magnitude =
        std::clamp(policy.magnitude + policy.magnitude_std * stream.normal(), 0.0, kMagnitudeMax);
    applied.push_back(make_op(op, magnitude, has_random_sign(op) && stream.chance(0.5)));
  }
  return applied;
}

Image apply_op(const Image& image, const AppliedOp& op) {
  const double x = op.argument;
  switch (op.op) {
    case AugmentOp::kAutoContrast:
      return auto_contrast(image);
    case AugmentOp::kEqualize:
      return equalize(image);
    case AugmentOp::kInvert:
      return invert(image);
    case AugmentOp::kRotate:
      return rotate(image, x, kFill);
    case AugmentOp::kPosterize:
      return posterize(image, static_cast<int>(x));
    case AugmentOp::kSolarize:
      return solarize(image, static_cast<int>(x));
    case AugmentOp::kSolarizeAdd:
      return solarize_add(image, static_cast<int>(x));
    case AugmentOp::kColor:
      return enhance_color(image, x);
    case AugmentOp::kContrast:
      return enhance_contrast(image, x);
    case AugmentOp::kBrightness:
      return enhance_brightness(image, x);
    case AugmentOp::kSharpness:
      return enhance_sharpness(image, x);
    case AugmentOp::kShearX:
      return transform_affine(image, {.b = x}, kFill);
    case AugmentOp::kShearY:
      return transform_affine(image, {.d = x}, kFill);
    case AugmentOp::kTranslateX:
      return transform_affine(image, {.c = x * image.width}, kFill);
    case AugmentOp::kTranslateY:
      return transform_affine(image, {.f = x * image.height}, kFill);
  }
  return image;
}

}  // namespace tagalign::data
