// `tagalign-worker evaluate --thresholds … --clip-w …` as a user types it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file_system.h"
#include "base/format.h"
#include "base/limits.h"
#include "tests/integration/worker_fixture.h"

namespace tagalign {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

/// A folder with two drawn images and a CLIP of one training step.
class SweepTest : public WorkerTest {
 protected:
  SweepTest() {
    write("prepare.yml", format("output: {}\ntrain_count: 8\ntrain_size: 32\n"
                                "validation: [{{name: val, count: 2, size: 32}}]\n",
                                path("scenes")));
    write("clip.yml",
          format("data: {{root: {0}/train/images, captions: {0}/train/captions.csv, image_size: "
                 "32}}\ncheckpoint: {{directory: {1}}}\nvision_width: 64\nvision_layers: 7\n"
                 "patch_size: 8\ntext_width: 64\ntext_layers: 1\nembed_dim: 32\nglobal_batch: 4\n"
                 "steps: 1\noutput: {2}\n",
                 path("scenes"), path("checkpoints"), path("clip.safetensors")));
    write("eval.yml", format("clip: {{weights: {}}}\nmethod: clip\noutput: {}\ndatasets:\n  - "
                             "{{name: val, root: {}/val, "
                             "short_side: 32, window: 32, stride: 16, background: true}}\n",
                             path("clip.safetensors"), path("results"), path("scenes")));
  }

  /// All result files, one after the other.
  std::string results(std::size_t expected) {
    auto& files = posix_file_system();
    const auto names = files.list_directory(path("results"));
    EXPECT_TRUE(names.ok()) << names.status().to_string();
    if (!names.ok()) return "";
    EXPECT_EQ(names->size(), expected);
    std::string text;
    for (const std::string& name : *names) {
      text += files.read_file(folder_ / "results" / name, limits::kConfigFileBytesMax).value();
    }
    return text;
  }
};

TEST_F(SweepTest, EachThreshold_GivesAResultFile) {
  for (const std::string job : {"scenes", "pretrain"}) {
    const auto done = worker({job, "--config", path(job == "scenes" ? "prepare.yml" : "clip.yml")});
    ASSERT_TRUE(done.exit.ok()) << done.output;
  }
  const auto swept = worker({"evaluate", "--config", path("eval.yml"), "--thresholds",
                             "0.1,0.25,0.4", "--set", "templates=subset"});
  ASSERT_TRUE(swept.exit.ok()) << swept.output;
  const std::string found = results(3);
  for (const std::string threshold : {"0.1", "0.25", "0.4"}) {
    EXPECT_THAT(found,
                HasSubstr("\"subject\": \"background\",\n   \"value\": \"" + threshold + "\""));
  }
  EXPECT_THAT(found, HasSubstr("\"subject\": \"templates\",\n   \"value\": \"subset(7):"));
}

TEST_F(SweepTest, ListThatIsNone_NamesTheValueAndAsksForNoRequeue) {
  const auto output =
      worker({"evaluate", "--config", path("eval.yml"), "--thresholds", "0.1,x", "--clip-w", "2"});
  EXPECT_EQ(output.exit.code, 93) << output.output;
  EXPECT_THAT(output.output,
              AllOf(HasSubstr("sweep.thresholds.1: expected a number, found 'x'"),
                    HasSubstr("sweep.clip_weights.0: expected a number from 0 to 1, found '2'")));
}

}  // namespace
}  // namespace tagalign
