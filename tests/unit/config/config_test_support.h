/// Files in a temporary folder, and short ways to say what a message must hold.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "base/file_system.h"

namespace tagalign::config {

/// The root of the sources, as the launcher of the tests says it.
inline Path source_folder() {
  return std::getenv("TAGALIGN_SOURCE");
}

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "tagalign-config-XXXXXX").string();
    TA_CHECK(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  Path write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name) << text;
    return path_ / name;
  }
  const Path& path() const { return path_; }

 private:
  Path path_;
};

}  // namespace tagalign::config
