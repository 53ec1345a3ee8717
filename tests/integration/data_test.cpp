// `tagalign data` as a user types it: the worker program does the work in its place.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/format.h"
#include "base/process.h"
#include "data/image/image.h"
#include "tests/unit/data/temporary_folder.h"

namespace tagalign {
namespace {

using ::testing::HasSubstr;

constexpr std::int64_t kCommandMsMax = 60'000;

class DataCommandTest : public ::testing::Test {
 protected:
  /// VOC2012 with one image, and a description that expects one.
  DataCommandTest() {
    const std::string root = "source/VOCdevkit/VOC2012/";
    folder_.write(root + "JPEGImages/a.jpg", data::encode_jpeg({1, 1, 3, {9, 9, 9}}, 90));
    folder_.write(root + "SegmentationClass/a.png", data::encode_label_png({1, 1, {20}}));
    folder_.write(root + "ImageSets/Segmentation/val.txt", "a\n");
    const Path base = Path(std::getenv("TAGALIGN_SOURCE")) / "configs/benchmarks/voc.yml";
    one_image_ = folder_.write("one.yml", format("_base_: {}\nexpected_images: 1\n",
                                                 std::filesystem::absolute(base).string()));
  }

  CommandOutput tagalign(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), std::string(std::getenv("TAGALIGN_BIN")) + "/tagalign");
    const auto output = run_command(arguments, kCommandMsMax);
    EXPECT_TRUE(output.ok()) << output.status().to_string();
    return output.ok() ? *output : CommandOutput{};
  }
  std::string path(const std::string& name) const { return (folder_.path() / name).string(); }

  data::TemporaryFolder folder_;
  Path one_image_;
};

TEST_F(DataCommandTest, PrepareAndCheck_AnswerWithTheWorkersExitCode) {
  const auto prepared = tagalign({"data", "prepare", "voc", "--source", path("source"), "--output",
                                  path("out"), "--config", one_image_.string()});
  EXPECT_TRUE(prepared.exit.ok()) << prepared.output;
  EXPECT_THAT(prepared.output, HasSubstr("voc: 2 files made"));
  // Without --config the project's own description is found; it expects all of VOC.
  const auto checked =
      tagalign({"data", "check", "voc", "--root", path("out"), "--output", "json"});
  EXPECT_EQ(checked.exit.code, 1) << checked.output;
  EXPECT_THAT(checked.output, HasSubstr("\"images_expected\":1449"));
}

TEST_F(DataCommandTest, WrongSource_IsAUsageErrorThatSaysWhatToUnpack) {
  const auto output =
      tagalign({"data", "prepare", "ade20k", "--source", path("source"), "--output", path("out")});
  EXPECT_EQ(output.exit.code, 2) << output.output;
  EXPECT_THAT(output.output, HasSubstr("ADEChallengeData2016.zip"));
}

}  // namespace
}  // namespace tagalign
