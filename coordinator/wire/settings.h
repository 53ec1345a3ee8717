/// How the settings of a result are shown to people: "v1 scale=10 window=448". Nothing
/// reads this text back.
#pragma once

#include <string>
#include <vector>

#include "coordinator/wire/messages.h"

namespace tagalign::wire {

/// "window=448"; the bare value for the subject "protocol", the bare subject without a value.
inline std::string shown(const Setting& setting) {
  if (setting.subject == "protocol") return setting.value;
  return setting.value.empty() ? setting.subject : setting.subject + "=" + setting.value;
}

/// All of them, a space between two.
inline std::string shown(const std::vector<Setting>& settings) {
  std::string text;
  for (const Setting& setting : settings) text += (text.empty() ? "" : " ") + shown(setting);
  return text;
}

}  // namespace tagalign::wire
