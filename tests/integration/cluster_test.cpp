// The whole system as a user meets it: the real programs, a real mpirun, and kill -9.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <string>

#include "tests/integration/cluster_fixture.h"

namespace tagalign {
namespace {

using testing::HasSubstr;

/// Small enough to end in seconds, long enough to be killed in the middle.
constexpr char kWorkflow[] = R"(
name: small
jobs:
  scenes:
    kind: scenes
    config: {output: scenes, train_count: 32, train_size: 32, validation: [{name: val, count: 4, size: 48, look: day}]}
  clip:
    kind: pretrain
    after: [scenes]
    config:
      data: &data
        root: scenes/train/images
        captions: scenes/train/captions.csv
        tags: scenes/train/tags.json
        tag_names: scenes/tag_names.txt
        image_size: 32
      augment: &augment {scale_min: 0.5, rand_augment: "", erase: 0.0}
      checkpoint: {directory: clip_checkpoints, every_steps: 1000}
      vision_width: 64
      vision_layers: 7
      patch_size: 8
      text_width: 64
      text_layers: 1
      embed_dim: 32
      global_batch: 8
      steps: 3
  tagalign:
    kind: train
    after: [clip]
    ranks: 2
    config:
      runtime: {log_every_steps: 1}
      data: *data
      augment: *augment
      clip: {weights: clip.safetensors}
      optimizer: {base_lr: 1.0e-3, lr_reference_batch: 16}
      checkpoint: {every_steps: 150, keep_last: 0}
      global_batch: 16
      steps: 600
  scores:
    kind: evaluate
    on_commit_of: tagalign
    config:
      clip: {weights: clip.safetensors}
      datasets: [{name: val, root: scenes/val, short_side: 48, window: 32, stride: 16}]
)";

constexpr char kUrgent[] = R"(
name: urgent
jobs:
  first:
    kind: scenes
    ranks: 2
    priority: 5
    config: {output: first, train_count: 8, train_size: 32, validation: [{name: val, count: 4, size: 48, look: day}]}
)";

class ClusterTest : public ClusterFixture {
 protected:
  ClusterTest() { EXPECT_TRUE(files_.write_durable(folder_ / "small.yml", kWorkflow).ok()); }

  void submit(const std::string& state, std::vector<std::string> more = {}) {
    std::vector<std::string> words = {"submit", (folder_ / "small.yml").string(), "--workspace",
                                      (folder_ / state / "work").string()};
    words.insert(words.end(), more.begin(), more.end());
    must(state, words);
  }

  /// Step → digest of manifest and so of every byte; of the checkpoints that were planned.
  json checkpoint_digests(const std::string& state) {
    json digests = json::object();
    for (const auto& checkpoint : ask(state, {"checkpoints"})) {
      digests[checkpoint.at("step").dump()] = checkpoint.at("digest");
    }
    return digests;
  }

  json train_job(const std::string& state) { return ask(state, {"job", "show", "tagalign"}); }

  bool training_past_a_checkpoint(const std::string& state) {
    const auto jobs = ask(state, {"jobs", "--all"});
    const bool known = std::any_of(jobs.begin(), jobs.end(), [](const auto& job) {
      return job.at("name") == "tagalign" && job.at("state") == "running";
    });
    if (!known) return false;
    const auto job = train_job(state);
    return job.at("state") == "running" && !job.at("checkpoints").empty() &&
           job.at("rank_pids").size() == 2;
  }

  void run_undisturbed(const std::string& state) {
    start(state);
    submit(state);
    wait_until("all jobs end", [&] { return all_ended(state); });
  }

  int coordinator_pid(const std::string& state) {
    return ask(state, {"coordinator", "status"}).at("pid").get<int>();
  }

  int agent_pid(const std::string& state) {
    // The pool keeps the agent's pid in its folder, first word of the file.
    const auto text = files_.read_file(folder_ / state / "agents" / "local" / "agent.pid", 4096);
    TA_CHECK(text.ok(), text.ok() ? "" : text.status().message());
    return std::atoi(text->c_str());
  }
};

TEST_F(ClusterTest, RankCoordinatorAndAgentKilled_GiveTheSameIntegers) {
  run_undisturbed("calm");
  const auto expected = integers("calm");
  ASSERT_EQ(expected.size(), 4u) << expected.dump();

  start("storm");
  submit("storm");
  wait_until("training passes a checkpoint", [&] { return training_past_a_checkpoint("storm"); });

  // kill -9 of the coordinator: the gang runs on, the next coordinator takes it
  // over, nothing runs twice.
  const auto before = train_job("storm");
  ASSERT_EQ(::kill(coordinator_pid("storm"), SIGKILL), 0);
  start("storm");
  const auto after = train_job("storm");
  EXPECT_EQ(after.at("attempt"), before.at("attempt"));

  wait_until("the gang is seen again",
             [&] { return train_job("storm").at("rank_pids").size() == 2; });
  const auto taken_over = train_job("storm");
  ASSERT_EQ(taken_over.at("state"), "running");
  EXPECT_EQ(taken_over.at("rank_pids"), before.at("rank_pids"));

  // kill -9 of a rank: noticed, and the gang starts again from the newest checkpoint.
  const int rank_pid = std::stoi(taken_over.at("rank_pids").back().get<std::string>());
  ASSERT_EQ(::kill(rank_pid, SIGKILL), 0);
  const auto killed_ms = system_clock().monotonic_ms();
  wait_until("the coordinator knows", [&] {
    return train_job("storm").at("notices").dump().find(std::to_string(rank_pid)) !=
           std::string::npos;
  });
  // One second is the promise (agent_faults_test); here three programs are started in between.
  EXPECT_LE(system_clock().monotonic_ms() - killed_ms, 3000);
  wait_until("the next attempt",
             [&] { return train_job("storm").at("attempt") > before.at("attempt"); });

  // kill -9 of the agent: its gang dies with it, the pool brings it back, the job goes on.
  const int agent = agent_pid("storm");
  ASSERT_EQ(::kill(agent, SIGKILL), 0);
  wait_until("another agent", [&] { return agent_pid("storm") != agent; });

  wait_until("all jobs end", [&] { return all_ended("storm"); });
  EXPECT_EQ(integers("storm"), expected);
  EXPECT_EQ(checkpoint_digests("storm"), checkpoint_digests("calm"));
}

TEST_F(ClusterTest, HeldAndPreempted_ComesBackToTheSameBits) {
  run_undisturbed("calm");
  start("busy");
  submit("busy");
  wait_until("training passes a checkpoint", [&] { return training_past_a_checkpoint("busy"); });

  // Held by a person: it saves, leaves, and stays where it is until it is released.
  must("busy", {"job", "hold", "small/tagalign", "--reason", "a look"});
  wait_until("held", [&] { return train_job("busy").at("state") == "queued"; });
  EXPECT_THAT(train_job("busy").at("reason").get<std::string>(), HasSubstr("held: a look"));
  must("busy", {"job", "release", "all"});
  wait_until("it goes on", [&] { return training_past_a_checkpoint("busy"); });

  // What matters more takes both slots, and gives them back.
  ASSERT_TRUE(files_.write_durable(folder_ / "urgent.yml", kUrgent).ok());
  must("busy", {"submit", (folder_ / "urgent.yml").string()});
  wait_until("all jobs end", [&] { return all_ended("busy"); });
  const std::string attempts = train_job("busy").at("attempts").dump();
  EXPECT_THAT(attempts, HasSubstr("attempt 1 on local: saved and left"));
  EXPECT_THAT(attempts, HasSubstr("attempt 2 on local: saved and left"));
  EXPECT_EQ(ask("busy", {"job", "show", "first"}).at("state"), "succeeded");
  const auto digests = checkpoint_digests("busy");
  const auto calm = checkpoint_digests("calm");
  ASSERT_EQ(calm.size(), 5u);  // one of the pretraining
  for (const auto& [step, digest] : calm.items()) EXPECT_EQ(digests.at(step), digest) << step;
}

TEST_F(ClusterTest, StoppedRank_IsTakenForHung_AndTheJobEndsWithTheSameBits) {
  run_undisturbed("calm");
  start("hung");
  submit("hung");
  wait_until("training passes a checkpoint", [&] { return training_past_a_checkpoint("hung"); });
  const int rank_pid = std::stoi(train_job("hung").at("rank_pids").back().get<std::string>());
  ASSERT_EQ(::kill(rank_pid, SIGSTOP), 0);
  wait_until("all jobs end", [&] { return all_ended("hung"); });
  const auto job = train_job("hung");
  EXPECT_THAT(job.at("attempts").dump(), HasSubstr("attempt 1 on local: hung"));
  EXPECT_THAT(job.at("attempts").dump(), HasSubstr("was silent for 30.0 s"));
  EXPECT_THAT(job.at("slot_time").get<std::string>(), HasSubstr("hung "));
  EXPECT_EQ(checkpoint_digests("hung"), checkpoint_digests("calm"));
}

TEST_F(ClusterTest, MoreSlotsThanExist_WaitsAndExplains_ThenIsCancelled) {
  start("slots");
  submit("slots", {"--set", "jobs.scenes.ranks=64"});
  wait_until("explained", [&] {
    return must("slots", {"job", "explain", "scenes"}).output.find("64") != std::string::npos;
  });
  EXPECT_THAT(must("slots", {"job", "explain", "scenes"}).output, HasSubstr("slots"));
  must("slots", {"job", "cancel", "scenes"});
  wait_until("all jobs end", [&] { return all_ended("slots"); });
  EXPECT_EQ(ask("slots", {"job", "show", "clip"}).at("state"), "cancelled");
}

TEST_F(ClusterTest, MissingData_FailsWithTheReasonOfTheRank) {
  start("missing");
  submit("missing", {"--set", "jobs.clip.config.data.captions=nowhere.csv"});
  wait_until("all jobs end", [&] { return all_ended("missing"); });
  const auto job = ask("missing", {"job", "show", "clip"});
  EXPECT_EQ(job.at("state"), "failed");
  EXPECT_THAT(job.at("reason").get<std::string>(), HasSubstr("nowhere.csv"));
  EXPECT_THAT(must("missing", {"job", "log", "clip"}).output, HasSubstr("nowhere.csv"));
}

TEST_F(ClusterTest, NoCoordinator_ExitCodeFourSaysHowToStartOne) {
  const auto result = command("none", {"jobs"});
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->exit.code, 4);
  EXPECT_THAT(result->output, HasSubstr("tagalign coordinator start"));
}

TEST_F(ClusterTest, WrongKeyInWorkflow_ExitCodeTwoNamesTheNearest) {
  const auto result = command("none", {"submit", (folder_ / "small.yml").string(), "--dry-run",
                                       "--set", "jobs.tagalign.config.optimizer.base_rl=1"});
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->exit.code, 2);
  EXPECT_THAT(result->output, HasSubstr("base_lr"));
}

}  // namespace
}  // namespace tagalign
