/// What the jobs of a sweep are called. Internal to configs/schema. Pure.
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "base/limits.h"
#include "configs/schema/reading/sweep_axes.h"

namespace tagalign::config {

/// Of a job that becomes several: what is left of a name tells them apart.
inline constexpr std::size_t kSweptNameCharsMax = limits::kJobNameCharsMax - 16;

/// The same for equal values: 1e-3 and 0.001 are one number, "1" and 1 are not.
std::string exact_text(const Node& value);

/// "base_lr-0.001.weight-0": the last part of each key, the value behind it, in [a-z0-9_.-]. It may
/// be too long, and the same for values that differ.
std::string label_of(const SweptValues& values);

/// NAME.LABEL, put into `taken`. Where that is too long or taken, cut and followed by "-NUMBER", or
/// by the next number that is free. `name` has at most kSweptNameCharsMax characters.
std::string swept_name(const std::string& name, const std::string& label, std::uint64_t number,
                       std::set<std::string>& taken);

}  // namespace tagalign::config
