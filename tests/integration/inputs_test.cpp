// A rank that is still opening its inputs, as its launcher and its user meet it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/exit_codes.h"
#include "base/format.h"
#include "base/limits.h"
#include "data/image/image.h"
#include "tests/integration/worker_fixture.h"

namespace tagalign {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

/// Takes much longer to read than a rank needs to notice a signal.
constexpr int kManyCaptions = 400'000;
constexpr std::int64_t kPatienceMs = 60'000;

class InputsTest : public WorkerTest {
 protected:
  InputsTest() {
    std::filesystem::create_directory(folder_ / "images");
    write("images/a.png",
          data::encode_png({32, 32, 3, std::vector<std::uint8_t>(32 * 32 * 3, 90)}));
    write("clip.yml",
          format("runtime: {{log_every_steps: 1}}\ndata: {{root: {}, captions: {}, image_size: "
                 "32}}\ncheckpoint: {{directory: {}}}\nvision_width: 64\nvision_layers: 7\n"
                 "patch_size: 8\ntext_width: 64\ntext_layers: 1\nembed_dim: 32\nglobal_batch: 2\n"
                 "steps: 1000000\noutput: {}\n",
                 path("images"), path("captions.csv"), path("checkpoints"),
                 path("clip.safetensors")));
  }

  std::string log() const {
    const auto text = posix_file_system().read_file(folder_ / "log", limits::kConfigFileBytesMax);
    return text.ok() ? *text : "";
  }
  void wait_for_log(const std::string& text) const {
    const MonotonicMs deadline_ms = system_clock().monotonic_ms() + kPatienceMs;
    while (log().find(text) == std::string::npos) {
      ASSERT_LT(system_clock().monotonic_ms(), deadline_ms) << "no '" << text << "' in " << log();
      system_clock().sleep_ms(1);
    }
  }
};

TEST_F(InputsTest, SigtermWhileCaptionsAreRead_SavesTheFirstStepAndLeaves) {
  std::string captions = "file,caption\n";
  for (int i = 0; i < kManyCaptions; ++i) captions += format("a.png,a grey square {}\n", i);
  write("captions.csv", captions);
  const auto pid =
      start_process({.command = worker_command({"pretrain", "--config", path("clip.yml")}),
                     .stdout_file = folder_ / "log",
                     .stderr_file = folder_ / "log",
                     .die_with_parent = true});
  ASSERT_TRUE(pid.ok()) << pid.status().to_string();
  wait_for_log("rank 0 of 1 on");
  ASSERT_EQ(::kill(*pid, SIGTERM), 0);
  int status = 0;
  ASSERT_EQ(::waitpid(*pid, &status, 0), *pid);
  EXPECT_EQ(decode_exit_status(status).code, to_int(ExitCode::kRequeue)) << log();
  const auto saved = posix_file_system().list_directory(folder_ / "checkpoints").value();
  EXPECT_THAT(saved, Contains("step-00000001")) << log();
  EXPECT_THAT(saved, Not(Contains("step-00000002")));
}

TEST_F(InputsTest, FifoAsCaptions_IsRefusedAtOnce_AndAsksForNoRequeue) {
  ASSERT_EQ(::mkfifo(path("captions.csv").c_str(), 0600), 0);
  const auto output = worker({"pretrain", "--config", path("clip.yml")});
  EXPECT_EQ(output.exit.code, to_int(ExitCode::kDoNotRequeue)) << output.output;
  EXPECT_THAT(output.output, AllOf(HasSubstr(path("captions.csv")), HasSubstr("FIFO"),
                                   HasSubstr("copy its contents into a file")));
}

TEST_F(InputsTest, WeightsThatDoNotFit_AreShownWithExitCodeOne) {
  const std::string header = R"({"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})";
  const std::string length = {static_cast<char>(header.size()), 0, 0, 0, 0, 0, 0, 0};
  write("x.safetensors", length + header + "1");
  const auto output = worker({"weights", "show", path("x.safetensors")});
  EXPECT_EQ(output.exit.code, to_int(ExitCode::kJobFailed)) << output.output;
  EXPECT_THAT(output.output, HasSubstr(R"("fits":false)"));
}

TEST_F(InputsTest, FifoAsWeights_IsRefusedAtOnce) {
  ASSERT_EQ(::mkfifo(path("clip.pt").c_str(), 0600), 0);
  write("eval.yml", format("clip: {{weights: {}}}\nmethod: clip\noutput: {}\ndatasets:\n"
                           "  - {{name: val, root: {}, class_names: [a, b]}}\n",
                           path("clip.pt"), path("results"), path("val")));
  const auto output = worker({"evaluate", "--config", path("eval.yml")});
  EXPECT_FALSE(output.exit.ok());
  EXPECT_THAT(output.output, AllOf(HasSubstr("clip.pt"), HasSubstr("FIFO")));
}

}  // namespace
}  // namespace tagalign
