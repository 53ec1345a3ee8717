/// The parts of the group of ResCLIP.
#pragma once

#include "tests/golden/check/folder.h"
#include "tests/golden/check/heads/sources.h"
#include "tests/golden/check/report.h"

namespace tagalign::golden::resclip {

inline constexpr char kRoom[] = "resclip";
inline constexpr char kEncoder[] = "resclip/encoder.safetensors";

/// encoder.safetensors: positions, tokens that enter the last block, attention and features of
/// every base that the file names, under the settings of the layout.
void compare_encoder(Folder& folder, const Clip& clip, Report& report);

/// sfr.safetensors: queries of patches and matrices of given probabilities; needs no CLIP.
void compare_feedback(Folder& folder, Report& report);

}  // namespace tagalign::golden::resclip
