// Users' own scripts as jobs, on the real program: processes without MPI and ranks of mpirun.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>

#include <cstdlib>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/process.h"
#include "tests/support/remove_folder.h"

namespace tagalign {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

constexpr char kWorkflow[] = R"(
name: own
jobs:
  fit:
    config:
      outputs: [done, 'c/*']
      environment: {STEPS: 3}
      command: |
        mkdir -p c
        for i in $(seq $STEPS); do
          test -e c/$i && continue
          echo $i > c/$i
          $TAGALIGN_PROGRAM report checkpoint --step $i --path c/$i
          $TAGALIGN_PROGRAM report progress --step $i --total $STEPS --activity "lap $i"
          if [ $i = 2 ] && [ $TAGALIGN_ATTEMPT = 1 ]; then exit 75; fi
        done
        touch done
    kind: exec
  look:
    kind: exec
    on_commit_of: fit
    config: {command: [cp, '{checkpoint}', seen-by-look]}
  pair:
    kind: exec
    ranks: 2
    after: [fit]
    config:
      command: 'echo $TAGALIGN_RANK of $TAGALIGN_RANKS > rank-$TAGALIGN_RANK'
      outputs: [rank-0, rank-1]
)";

constexpr char kFailing[] = R"(
name: failing
jobs:
  never: {kind: exec, config: {command: 'echo no way; exit 93'}}
  empty: {kind: exec, retries_max: 0, config: {command: ['true'], outputs: [nothing.pt]}}
  patient:
    kind: exec
    config: {command: 'trap "echo saved > saved; exit 75" TERM; touch up; while :; do sleep 0.1; done'}
)";

class ExecTest : public testing::Test {
 protected:
  ExecTest() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "tagalign-exec-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    must({"coordinator", "start", "--slots", "2"});
  }
  ~ExecTest() override {
    (void)command({"coordinator", "stop", "--kill"});
    if (!HasFailure()) testing_support::remove_folder(folder_);
  }

  Result<CommandOutput> command(const std::vector<std::string>& words) const {
    std::vector<std::string> line = {std::string(std::getenv("TAGALIGN_BIN")) + "/tagalign",
                                     "--state", (folder_ / "state").string()};
    line.insert(line.end(), words.begin(), words.end());
    return run_command(line, 60'000);
  }
  std::string must(const std::vector<std::string>& words) const {
    const auto result = command(words);
    TA_CHECK(result.ok(), result.ok() ? "" : result.status().message());
    EXPECT_TRUE(result->exit.ok()) << result->exit.to_string() << "\n" << result->output;
    return result->output;
  }
  void submit(const std::string& workflow) const {
    EXPECT_TRUE(files_.write_durable(folder_ / "w.yml", workflow).ok());
    must({"submit", (folder_ / "w.yml").string(), "--workspace", work().string()});
  }
  json show(const std::string& job) const {
    return json::parse(must({"--output", "json", "job", "show", job}));
  }
  void wait_until(const std::string& what, const std::function<bool()>& reached) const {
    for (int i = 0; i < 600; ++i) {
      if (reached()) return;
      system_clock().sleep_ms(50);
    }
    FAIL() << "never happened: " << what;
  }
  bool has_ended(const std::string& job) const {
    const auto state = show(job).at("state").get<std::string>();
    return state == "succeeded" || state == "failed" || state == "cancelled";
  }
  Path work() const { return folder_ / "work"; }
  std::string text(const Path& file) const {
    const auto read = files_.read_file(file, 1 << 20);
    return read.ok() ? *read : read.status().message();
  }

  FileSystem& files_ = posix_file_system();
  Path folder_;
};

TEST_F(ExecTest, Script_SavesLeavesAndComesBack_AndItsCheckpointsAreFollowed) {
  submit(kWorkflow);
  wait_until("the ranks end", [&] { return has_ended("pair"); });
  const json fit = show("fit");
  EXPECT_EQ(fit.at("state"), "succeeded") << fit.dump(1);
  EXPECT_EQ(fit.at("attempt"), 2);
  EXPECT_EQ(fit.at("step"), 3);
  EXPECT_EQ(fit.at("checkpoints").size(), 3u);
  EXPECT_EQ(fit.at("checkpoints")[2], (work() / "c/3").string());
  EXPECT_THAT(fit.at("attempts").dump(), HasSubstr("attempt 1 on local: saved and left"));
  wait_until("the followers end", [&] { return has_ended("look@3"); });
  for (const char* follower : {"look@1", "look@2", "look@3"})
    EXPECT_EQ(show(follower).at("state"), "succeeded") << show(follower).dump(1);
  EXPECT_EQ(show("pair").at("state"), "succeeded") << show("pair").dump(1);
  EXPECT_EQ(text(work() / "rank-1"), "1 of 2\n");
}

TEST_F(ExecTest, Failures_AreSaidWithWhatTheProgramWrote) {
  submit(kFailing);
  wait_until("all but one end", [&] { return has_ended("never") && has_ended("empty"); });
  const json never = show("never");
  EXPECT_EQ(never.at("attempt"), 1) << "93 asks not to be started again";
  EXPECT_THAT(never.at("reason").get<std::string>(),
              testing::AllOf(HasSubstr("ended with exit code 93"), HasSubstr("ends: no way")));
  EXPECT_THAT(must({"job", "log", "never"}), HasSubstr("no way"));
  EXPECT_THAT(show("empty").at("reason").get<std::string>(),
              HasSubstr("of its outputs nothing.pt is missing"));
}

TEST_F(ExecTest, Request_ToLeave_ReachesTheScriptAsSigterm) {
  submit(kFailing);
  wait_until("the script runs", [&] { return files_.exists(work() / "up"); });
  must({"job", "hold", "patient", "--reason", "a look"});
  wait_until("it waits", [&] { return show("patient").at("state") == "queued"; });
  EXPECT_EQ(text(work() / "saved"), "saved\n");
  EXPECT_THAT(show("patient").at("attempts").dump(), HasSubstr("saved and left"));
  must({"job", "cancel", "patient"});
  wait_until("it ends", [&] { return has_ended("patient"); });
}

}  // namespace
}  // namespace tagalign
