// What a rank does with inputs that would never end: a FIFO in place of a file.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "base/file_system.h"
#include "base/format.h"
#include "base/process.h"

namespace tagalign {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

/// Far less than a rank that waits for a writer would take, which is for ever.
constexpr std::int64_t kCommandMsMax = 60'000;

class StuckInput : public ::testing::Test {
 protected:
  StuckInput() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "tagalign-stuck-XXXXXX").string();
    TA_CHECK(::mkdtemp(pattern.data()) != nullptr);
    folder_ = pattern;
  }
  ~StuckInput() override { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  void make_fifo(const std::string& name) const {
    ASSERT_EQ(::mkfifo(path(name).c_str(), 0600), 0);
  }

  CommandOutput worker(const std::string& kind, const std::string& config) {
    std::ofstream(folder_ / "job.yml") << config;
    const auto output = run_command({std::string(std::getenv("TAGALIGN_BIN")) + "/tagalign-worker",
                                     kind, "--config", path("job.yml")},
                                    kCommandMsMax);
    EXPECT_TRUE(output.ok()) << output.status().to_string();
    return output.ok() ? *output : CommandOutput{};
  }

  Path folder_;
};

TEST_F(StuckInput, CaptionsThatAreAFifo_AreRefusedAtOnce) {
  make_fifo("captions.csv");
  const auto output = worker(
      "pretrain", format("data: {{root: {}, captions: {}, image_size: 32}}\n"
                         "checkpoint: {{directory: {}}}\noutput: {}\n",
                         path(""), path("captions.csv"), path("c"), path("clip.safetensors")));
  EXPECT_FALSE(output.exit.ok());
  EXPECT_THAT(output.output, AllOf(HasSubstr("captions.csv"), HasSubstr("FIFO")));
}

TEST_F(StuckInput, WeightsThatAreAFifo_AreRefusedAtOnce) {
  make_fifo("clip.pt");
  const auto output =
      worker("evaluate", format("clip: {{weights: {}}}\nmethod: clip\noutput: {}\ndatasets:\n"
                                "  - {{name: val, root: {}, class_names: [a, b]}}\n",
                                path("clip.pt"), path("results"), path("val")));
  EXPECT_FALSE(output.exit.ok());
  EXPECT_THAT(output.output, AllOf(HasSubstr("clip.pt"), HasSubstr("FIFO")));
}

}  // namespace
}  // namespace tagalign
