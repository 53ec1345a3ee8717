/// What tests of `tagalign-worker` share: a fresh folder, and the program run in it to its end.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/process.h"

namespace tagalign {

class WorkerTest : public ::testing::Test {
 protected:
  WorkerTest() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "tagalign-worker-XXXXXX").string();
    TA_CHECK(::mkdtemp(pattern.data()) != nullptr);
    folder_ = pattern;
  }
  ~WorkerTest() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& name, std::string_view text) const {
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  static std::vector<std::string> worker_command(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(),
                     std::string(std::getenv("TAGALIGN_BIN")) + "/tagalign-worker");
    return arguments;
  }
  static CommandOutput worker(std::vector<std::string> arguments) {
    constexpr std::int64_t kCommandMsMax = 120'000;
    const auto output = run_command(worker_command(std::move(arguments)), kCommandMsMax);
    EXPECT_TRUE(output.ok()) << output.status().to_string();
    return output.ok() ? *output : CommandOutput{};
  }

  Path folder_;
};

}  // namespace tagalign
