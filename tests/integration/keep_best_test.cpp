// What configs/README.md gives to those who want to keep the best checkpoint and the newest.
#include <gmock/gmock.h>

#include <filesystem>
#include <map>
#include <set>

#include "tests/integration/cluster_fixture.h"
#include "tests/integration/small_jobs.h"

namespace tagalign {
namespace {

constexpr char kKeep[] = R"(  keep:
    kind: exec
    on_commit_of: train
    commits: {best: scores, dataset: val}
    config: {command: "$TAGALIGN_PROGRAM checkpoints pin $TAGALIGN_CHECKPOINT --as best"}
  tidy:
    kind: exec
    after: [keep]
    config: {command: "$TAGALIGN_PROGRAM checkpoints prune ./run --keep-last 1 --yes"}
)";

class KeepBestTest : public ClusterFixture {
 protected:
  void submit(const std::string& text) {
    ASSERT_TRUE(files_.write_durable(folder_ / "best.yml", text).ok());
    must("best", {"submit", (folder_ / "best.yml").string(), "--workspace",
                  (folder_ / "best/work").string()});
  }
  /// Of several that are equally good the earliest.
  int best_step() {
    std::map<int, double> scores;
    for (const auto& result : ask("best", {"results"}))
      scores[result.at("step").get<int>()] = result.at("mean_iou").get<double>();
    EXPECT_EQ(scores.size(), 3u);
    const auto best = std::ranges::max_element(
        scores, [](const auto& a, const auto& b) { return a.second < b.second; });
    return best == scores.end() ? 0 : best->first;
  }
};

TEST_F(KeepBestTest, TwoExecJobs_LeaveTheBestCheckpointAndTheNewest) {
  start("best");
  submit(followed_workflow() + kKeep);
  wait_until("all jobs end", [&] { return all_ended("best"); });
  const json tidy = ask("best", {"job", "show", "tidy"});
  ASSERT_EQ(tidy.at("state"), "succeeded") << tidy.dump(1);
  const Path run = folder_ / "best" / "work" / "run";
  const int best = best_step();
  std::set<std::string> expected{format("step-{:08}", best), kLastStep};
  std::set<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator(run)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("step-")) found.insert(name);
  }
  EXPECT_EQ(found, expected);
  const auto pin = files_.read_file(run / "pins" / format("step-{:08}.best", best), 1);
  EXPECT_TRUE(pin.ok()) << pin.status().to_string();
}

}  // namespace
}  // namespace tagalign
