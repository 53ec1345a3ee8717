/// The groups of golden_check. A group is a function in check_<name>.cpp: it reads its files from
/// the folder and adds lines to the report; it takes sizes and names from the files alone. A new
/// group is a row here and a source file in CMakeLists.txt. A group "METHOD.NAME" belongs to a method
/// whose golden data is a folder of its own, DIR/NAME below it; the groups of a method are a room.
#pragma once

#include <string>

#include "tests/golden/check/clip_surgery/checks.h"
#include "tests/golden/check/folder.h"
#include "tests/golden/check/groupvit/checks.h"
#include "tests/golden/check/heads/checks.h"
#include "tests/golden/check/ovsegmentor/checks.h"
#include "tests/golden/check/proxyclip/checks.h"
#include "tests/golden/check/report.h"
#include "tests/golden/check/resclip/checks.h"
#include "tests/golden/check/tcl/checks.h"

namespace tagalign::golden {

using CheckGroup = void(Folder& folder, Report& report);
CheckGroup check_clip;
CheckGroup check_projector;
CheckGroup check_losses;
CheckGroup check_training;
CheckGroup check_checkpoints;
CheckGroup check_inference;
CheckGroup check_evaluation;
CheckGroup check_preprocess;
CheckGroup check_augmentation;
CheckGroup check_tokenizer;

struct Group {
  const char* name;
  CheckGroup* check;

  /// Below the golden folder.
  std::string folder() const {
    const std::string text = name;
    return text.substr(text.find('.') + 1);
  }
  /// Empty: a group of the golden data that all methods share.
  std::string method() const {
    const std::string text = name;
    const std::size_t dot = text.find('.');
    return dot == std::string::npos ? "" : text.substr(0, dot);
  }
};

// clang-format off: one row a line
inline constexpr Group kGroups[] = {
    {"clip", check_clip},
    {"projector", check_projector},
    {"losses", check_losses},
    {"training", check_training},
    {"checkpoints", check_checkpoints},
    {"inference", check_inference},
    {"evaluation", check_evaluation},
    {"preprocess", check_preprocess},
    {"augmentation", check_augmentation},
    {"tokenizer", check_tokenizer},
    {"heads.clip_surgery", clip_surgery::check_clip_surgery},
    {"heads.sclip", heads::check_sclip},
    {"heads.naclip", heads::check_naclip},
    {"heads.clearclip", heads::check_clearclip},
    {"heads.maskclip", heads::check_maskclip},
    {"heads.resclip", resclip::check_resclip},
    {"heads.proxyclip", proxyclip::check_proxyclip},
    {"tcl.pamr", tcl::check_pamr},
    {"tcl.masker", tcl::check_masker},
    {"tcl.losses", tcl::check_losses},
    {"tcl.training", tcl::check_training},
    {"tcl.inference", tcl::check_inference},
    {"tcl.evaluation", tcl::check_evaluation},
    {"tcl.checkpoints", tcl::check_checkpoints},
    {"groupvit.text", groupvit::check_text},
    {"groupvit.weights", groupvit::check_weights},
    {"groupvit.image", groupvit::check_images},
    {"groupvit.inference", groupvit::check_inference},
    {"groupvit.training", groupvit::check_training},
    {"groupvit.checkpoints", groupvit::check_checkpoints},
    {"ovsegmentor.text", ovsegmentor::check_text},
    {"ovsegmentor.weights", ovsegmentor::check_weights},
    {"ovsegmentor.image", ovsegmentor::check_images},
    {"ovsegmentor.inference", ovsegmentor::check_inference},
    {"ovsegmentor.losses", ovsegmentor::check_losses},
    {"ovsegmentor.checkpoints", ovsegmentor::check_checkpoints},
};
// clang-format on

}  // namespace tagalign::golden
