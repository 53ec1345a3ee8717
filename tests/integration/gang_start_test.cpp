// Evaluations of the same weights that share the start of a gang: real programs, a real mpirun.
#include <gmock/gmock.h>
#include <signal.h>

#include "tests/integration/cluster_fixture.h"
#include "tests/integration/small_jobs.h"

namespace tagalign {
namespace {

using testing::HasSubstr;

constexpr int kEvaluations = 4;

/// A CLIP, then evaluations of it that differ in their windows; if they are not alike, also in what a
/// process is started with and no number depends on.
std::string workflow(int images, bool alike) {
  std::string text =
      "name: shared\njobs:\n  scenes:\n    kind: scenes\n    config:\n      output: scenes\n"
      "      train_count: 32\n      train_size: 32\n      validation: [{name: val, count: " +
      std::to_string(images) + ", size: 48, look: day}]\n" +
      "  clip:\n    kind: pretrain\n    after: [scenes]\n    config:\n";
  std::istringstream lines(std::string(kData) + kClip);
  for (std::string line; std::getline(lines, line);) text += "      " + line + "\n";
  for (int i = 0; i < kEvaluations; ++i) {
    text += format(
        "  e{0}:\n    kind: evaluate\n    after: [clip]\n    config:\n      label: e{0}\n"
        "      method: clip\n      clip: {{weights: clip.safetensors}}\n      runtime: "
        "{{collective_timeout_s: {2}}}\n      datasets: "
        "[{{name: val, root: scenes/val, short_side: 48, window: 32, stride: {1}}}]\n",
        i, 8 + 4 * i, alike ? 600 : 600 + i);
  }
  return text;
}

class GangStartTest : public ClusterFixture {
 protected:
  void submit(const std::string& state, int images = 4, bool alike = true) {
    ASSERT_TRUE(files_.write_durable(folder_ / "shared.yml", workflow(images, alike)).ok());
    must(state, {"submit", (folder_ / "shared.yml").string(), "--workspace",
                 (folder_ / state / "work").string()});
  }
  std::string log_of(const std::string& state, const std::string& job, const std::string& file) {
    const Path path = folder_ / state / "work/logs" / job / "attempt-1" / file;
    const auto text = files_.read_file(path, 1 << 20);
    return text.ok() ? *text : "";
  }
  /// How many evaluations had no start of their own.
  int handed_over(const std::string& state) {
    int count = 0;
    for (int i = 0; i < kEvaluations; ++i)
      count += log_of(state, format("e{}", i), "launcher.log").starts_with("runs in the ranks of");
    return count;
  }
  std::string state_of(const std::string& state, const std::string& job) {
    return ask(state, {"job", "show", job}).at("state").get<std::string>();
  }
};

TEST_F(GangStartTest, EvaluationsOfOneClip_ShareAStartAndGiveTheSameIntegers) {
  start("apart", 1);
  submit("apart", 4, false);
  wait_until("all jobs end", [&] { return all_ended("apart"); });
  const auto expected = integers("apart");
  ASSERT_EQ(expected.size(), static_cast<std::size_t>(kEvaluations)) << expected.dump();
  EXPECT_EQ(handed_over("apart"), 0);

  start("shared", 1);
  submit("shared");
  wait_until("all jobs end", [&] { return all_ended("shared"); });
  EXPECT_EQ(integers("shared"), expected);
  EXPECT_EQ(handed_over("shared"), kEvaluations - 1);
  for (int i = 0; i < kEvaluations; ++i) {
    const std::string name = format("e{}", i);
    const auto job = ask("shared", {"job", "show", name});
    EXPECT_EQ(job.at("state"), "succeeded");
    EXPECT_EQ(job.at("attempt"), 1);
    EXPECT_THAT(log_of("shared", name, "rank-0.log"), HasSubstr(name + " on val, image 1 of 4"));
  }
  EXPECT_THAT(log_of("shared", "e3", "rank-0.log"), HasSubstr("the weights are in memory"));
}

TEST_F(GangStartTest, RankKilledAndAJobCancelled_TheOthersKeepTheirResults) {
  start("storm", 1);
  submit("storm", 60);
  must("storm", {"job", "cancel", "shared/e2"});
  std::string pid;
  wait_until("the second runs in ranks that stayed", [&] {
    const auto job = ask("storm", {"job", "show", "e1"});
    if (job.at("state") == "running" && !job.at("rank_pids").empty() && handed_over("storm") > 0)
      pid = job.at("rank_pids").back().get<std::string>();
    return !pid.empty() || job.at("state") == "succeeded";
  });
  ASSERT_FALSE(pid.empty()) << "it was over before it could be met";
  ASSERT_EQ(::kill(std::stoi(pid), SIGKILL), 0);
  wait_until("all jobs end", [&] { return all_ended("storm"); });
  for (const std::string job : {"e0", "e1", "e3"}) EXPECT_EQ(state_of("storm", job), "succeeded");
  EXPECT_EQ(state_of("storm", "e2"), "cancelled");
  EXPECT_EQ(ask("storm", {"job", "show", "e1"}).at("attempt"), 2);
  EXPECT_EQ(ask("storm", {"job", "show", "e0"}).at("attempt"), 1);
  EXPECT_EQ(integers("storm").size(), 3u);
}

}  // namespace
}  // namespace tagalign
