/// Removing a folder in which programs that were just stopped may still close their files.
#pragma once

#include <filesystem>
#include <system_error>

#include "base/clock.h"

namespace tagalign::testing_support {

/// Tries for some seconds; what is left then stays.
inline void remove_folder(const std::filesystem::path& folder) {
  constexpr int kTries = 100;
  std::error_code error;
  for (int i = 0; i < kTries; ++i) {
    std::filesystem::remove_all(folder, error);
    if (!error) return;
    system_clock().sleep_ms(50);
  }
}

}  // namespace tagalign::testing_support
