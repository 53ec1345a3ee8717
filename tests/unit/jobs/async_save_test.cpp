// Saves that go on behind the steps: what they hold, and what an interruption leaves of them.
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <gmock/gmock.h>

#include <filesystem>

#include "base/format.h"
#include "checkpoint/save.h"
#include "checkpoint/tensor_adapter.h"
#include "tests/support/fault_file_system.h"
#include "tests/unit/jobs/training_fixture.h"
#include "worker/train/commits/run_checkpoints.h"

namespace tagalign::jobs {
namespace {

namespace fs = std::filesystem;

using testing::AllOf;
using testing::AnyOf;
using testing::ElementsAre;
using testing::Eq;
using testing::HasSubstr;
using testing::IsEmpty;
using testing_support::FaultFileSystem;

class AsyncSaveTest : public TrainingTest {
 protected:
  /// On files that misbehave.
  std::vector<Result<JobEnd>> train_on(FileSystem& files, const config::TrainConfig& config,
                                       int world) {
    return run_gang(world, [&](Rank& rank) {
      Rank own{.group = rank.group, .reporter = rank.reporter, .files = files};
      return run_train(own, config);
    });
  }
  std::vector<std::uint64_t> steps_in(const config::TrainConfig& config) {
    std::vector<std::uint64_t> steps;
    const auto manifests = checkpoint::list(files_, config.checkpoint.directory);
    TA_CHECK(manifests.ok());
    for (const auto& manifest : *manifests) steps.push_back(manifest.position.step);
    return steps;
  }
  std::vector<std::uint64_t> steps_reported() const {
    std::vector<std::uint64_t> steps;
    for (const auto& checkpoint : reporters_[0]->checkpoints) steps.push_back(checkpoint.step);
    return steps;
  }
};

TEST_F(AsyncSaveTest, EverySave_HoldsTheStateOfItsStep_ThoughTheStepsWentOn) {
  auto all = train_config("all");
  all.checkpoint.every_steps = 1;
  all.checkpoint.keep_last = 0;
  train(all, 2);
  EXPECT_THAT(steps_reported(), ElementsAre(1, 2, 3, 4, 5, 6));
  for (const std::uint64_t step : {1u, 3u, 5u}) {
    auto part = train_config(format("part{}", step));
    part.steps = step;
    train(part, 2);
    const auto expected = newest(part);
    const auto manifest =
        checkpoint::read_manifest(files_, folder_ / "all" / format("step-{:08}", step));
    ASSERT_TRUE(manifest.ok()) << manifest.status().to_string();
    const auto found = checkpoint::load(files_, *manifest);
    ASSERT_TRUE(found.ok()) << found.status().to_string();
    ASSERT_EQ(found->size(), expected.tensors.size());
    for (const auto& [name, tensor] : expected.tensors)
      EXPECT_EQ(tensor.bytes, found->at(name).bytes) << "step " << step << ", " << name;
  }
}

/// A machine that loses its power after any number of changes of its disk, most of them in a save.
TEST_F(AsyncSaveTest, PowerLost_AnywhereInASave_LosesNoCommitAndEndsWithTheSameBits) {
  auto whole = train_config("whole");
  whole.checkpoint.keep_last = 0;
  FaultFileSystem counter(files_);
  for (const auto& end : train_on(counter, whole, 2)) ASSERT_TRUE(end.ok());
  const std::uint64_t operations = counter.operations();
  for (std::uint64_t after = 1; after < operations; after += operations / 13 + 1) {
    SCOPED_TRACE(format("after {} of {} changes", after, operations));
    auto cut = whole;
    cut.checkpoint.directory = (folder_ / format("cut{}", after)).string();
    FaultFileSystem disk(files_);
    disk.crash_after(after);
    const auto ends = train_on(disk, cut, 2);
    EXPECT_TRUE(disk.crashed());
    const auto told = steps_reported();
    const auto kept = steps_in(cut);
    EXPECT_THAT(kept, testing::IsSupersetOf(told)) << "what was reported is there";
    train(cut, 2);
    expect_same_state(whole, cut);
    EXPECT_THAT(steps_in(cut), ElementsAre(2, 4, 6));
  }
}

TEST_F(AsyncSaveTest,
       ResumedAnywhereInAnEpoch_WithOtherThreadsAndBatchesAhead_EndsWithTheSameBits) {
  const auto whole = train_config("whole");
  train(whole, 2);
  for (std::uint64_t step = 1; step <= 5; ++step) {  // the first epoch ends with step 3
    SCOPED_TRACE(format("stopped after step {}", step));
    auto stopped = train_config(format("stopped{}", step));
    stopped.data.loader_threads = static_cast<int>(step % 4);
    stopped.data.prefetch_batches = 4;  // in flight when it ends, also of the next epoch
    train(stopped, 2, JobEnd::kSavedAndLeft,
          [&](RecordingReporter& reporter) { reporter.stop_at(step); });
    EXPECT_EQ(newest(stopped).manifest.position.samples, 8 * step);
    stopped.data.loader_threads = static_cast<int>((step + 2) % 4);
    stopped.data.prefetch_batches = 1;
    train(stopped, 2);
    EXPECT_THAT(reporters_[0]->notices, IsEmpty()) << "nothing came out otherwise";
    expect_same_state(whole, stopped);
  }
}

TEST_F(AsyncSaveTest, FullDisk_FailsTheJobOnAllRanksWithItsCause) {
  auto config = train_config("full");
  config.checkpoint.every_steps = 1;
  FaultFileSystem disk(files_);
  disk.set_space(20'000);  // enough for lease and log, not for a shard
  for (const auto& end : train_on(disk, config, 2)) {
    EXPECT_EQ(end.status().code(), ErrorCode::kNoSpace) << end.status().to_string();
    EXPECT_THAT(end.status().message(), AllOf(HasSubstr("save step"), HasSubstr("no space")));
  }
  EXPECT_THAT(steps_in(config), IsEmpty());
  train(config, 2);
}

TEST_F(AsyncSaveTest, RemovalThatFails_EndsTheJobOnAllRanksWithItsCause) {
  auto config = train_config("removal");
  config.checkpoint.every_steps = 1;
  config.checkpoint.keep_last = 1;
  FaultFileSystem disk(files_);
  disk.fail_rename(4);  // after those of the labels, the log of steps, and steps 1 and 2
  for (const auto& end : train_on(disk, config, 2)) {
    EXPECT_EQ(end.status().code(), ErrorCode::kUnavailable) << end.status().to_string();
    EXPECT_THAT(end.status().message(), HasSubstr("step-00000001"));
  }
  EXPECT_THAT(steps_in(config), testing::Contains(testing::Ge(2))) << "what was saved stays";
}

TEST_F(AsyncSaveTest, Stop_WhileASaveIsOnItsWay_CommitsBothInOrder) {
  const auto config = train_config("stop");
  train(config, 2, JobEnd::kSavedAndLeft, [](RecordingReporter& reporter) { reporter.stop_at(3); });
  EXPECT_THAT(steps_reported(), ElementsAre(2, 3));
  EXPECT_TRUE(reporters_[0]->checkpoints[0].scheduled);
  EXPECT_FALSE(reporters_[0]->checkpoints[1].scheduled);
}

// ---------------------------------------------------------------- moments of several ranks

config::TrainConfig sharded(config::TrainConfig config, bool yes = true) {
  using config::OptimizerSharding;
  config.optimizer.sharding = yes ? OptimizerSharding::kZero1 : OptimizerSharding::kNone;
  return config;
}

TEST_F(AsyncSaveTest, Zero1_OnAnyNumberOfRanks_GivesTheBitsOfNone) {
  for (const int world : {1, 2, 4}) {
    SCOPED_TRACE(format("{} ranks", world));
    const auto none = train_config(format("none{}", world));
    const auto zero1 = sharded(train_config(format("zero1-{}", world)));
    train(none, world);
    train(zero1, world);
    expect_same_state(none, zero1);
  }
}

TEST_F(AsyncSaveTest, Zero1AndNone_ReadEachOtherOnAnotherNumberOfRanks) {
  auto start = train_config("start");
  start.steps = 4;
  train(start, 4);
  auto end = train_config("start");
  train(end, 2);
  for (const auto& [first, then] : {std::pair{true, true}, {true, false}, {false, true}}) {
    SCOPED_TRACE(format("zero1 {}, then {}", first, then));
    auto part = sharded(train_config(format("part{}{}", first, then)), first);
    part.steps = 4;
    train(part, 4);
    part = sharded(part, then);
    part.steps = 6;
    train(part, 2);
    EXPECT_THAT(reporters_[0]->notices, IsEmpty());
    expect_same_state(end, part);
  }
}

TEST_F(AsyncSaveTest, Zero1_InterruptedAnywhere_EndsWithTheSameBits) {
  const auto whole = sharded(train_config("whole"));
  train(whole, 4);
  const auto stopped = sharded(train_config("stopped"));
  train(stopped, 4, JobEnd::kSavedAndLeft,
        [](RecordingReporter& reporter) { reporter.stop_at(3); });
  train(stopped, 4);
  expect_same_state(whole, stopped);
}

// ---------------------------------------------------------------- how others lost a state

class CommitTest : public JobsTest {
 protected:
  RunCheckpointOptions options() {
    RunCheckpointOptions o{.label = "train", .checkpoint = {}, .run = {}};
    o.checkpoint.directory = (folder_ / "run").string();
    return o;
  }
  void with_checkpoints(int world, const std::function<Status(RunCheckpoints&, Rank&)>& body) {
    for (const auto& end : run_gang(world, [&](Rank& rank) -> Result<JobEnd> {
           RunCheckpoints run(rank, options());
           TA_RETURN_IF_ERROR(run.open().status());
           TA_RETURN_IF_ERROR(body(run, rank));
           return JobEnd::kFinished;
         })) {
      EXPECT_TRUE(end.ok()) << end.status().to_string();
    }
  }
  model::StateDict newest() {
    auto found = checkpoint::load_newest(files_, folder_ / "run");
    TA_CHECK(found.ok() && found->found);
    return checkpoint::to_tensors(std::move(found->tensors));
  }
};

TEST_F(CommitTest, TensorChangedInPlaceBehindASave_IsSavedAsItWas) {
  with_checkpoints(2, [](RunCheckpoints& run, Rank&) -> Status {
    at::Tensor weight = at::ones({300'000});
    TA_RETURN_IF_ERROR(run.begin({{{"w", weight}}, {}, 1, 8, {}}, true, {}));
    TA_RETURN_IF_ERROR(run.settle());
    weight.fill_(7);
    return run.finish();
  });
  EXPECT_TRUE((newest().at("w") == 1).all().item<bool>());
}

TEST_F(CommitTest, TensorChangedWhileItIsCopied_EndsTheRun_AndNothingIsCommitted) {
  with_checkpoints(1, [](RunCheckpoints& run, Rank&) -> Status {
    const model::StateDict state{{"v", at::ones({3})}, {"w", at::ones({300'000})}};
    TA_RETURN_IF_ERROR(run.begin({state, {}, 1, 8, {}}, true, {}));
    state.at("w").view({300, 1000})[2].fill_(7);
    const Status settled = run.settle();
    EXPECT_EQ(settled.code(), ErrorCode::kInternal);
    EXPECT_THAT(settled.message(), HasSubstr("tensor 'w' was changed while it was copied"));
    return ok_status();
  });
  EXPECT_FALSE(checkpoint::load_newest(files_, folder_ / "run")->found);
}

TEST_F(CommitTest, TensorAddedLater_IsInTheNextSave) {
  with_checkpoints(2, [](RunCheckpoints& run, Rank&) -> Status {
    model::StateDict state{{"w", at::ones({3})}};
    TA_RETURN_IF_ERROR(run.begin({state, {}, 1, 8, {}}, true, {}));
    state["later"] = at::full({5}, 2.0);
    TA_RETURN_IF_ERROR(run.begin({state, {}, 2, 16, {}}, true, {}));
    return run.finish();
  });
  EXPECT_EQ(newest().at("later").sum().item<double>(), 10.0);
}

TEST_F(CommitTest, TensorReplacedBetweenSaves_IsNotSavedFromAnOldHandle) {
  with_checkpoints(1, [](RunCheckpoints& run, Rank&) -> Status {
    model::StateDict state{{"w", at::ones({3})}};
    TA_RETURN_IF_ERROR(run.begin({state, {}, 1, 8, {}}, true, {}));
    state["w"] = at::full({3}, 4.0);
    TA_RETURN_IF_ERROR(run.begin({state, {}, 2, 16, {}}, true, {}));
    return run.finish();
  });
  EXPECT_EQ(newest().at("w").sum().item<double>(), 12.0);
}

TEST_F(CommitTest, ElementsThatNoRankSaves_FailTheSaveOnAllRanks) {
  std::vector<Status> ends(2);
  with_checkpoints(2, [&](RunCheckpoints& run, Rank& rank) -> Status {
    const bool first = rank.is_first();
    const model::PartDict parts{{"m", {{4}, first ? 0u : 3u, at::ones({first ? 2 : 1})}}};
    TA_RETURN_IF_ERROR(run.begin({{}, parts, 1, 8, {}}, true, {}));
    ends[static_cast<std::size_t>(rank.group.rank())] = run.finish();
    return ok_status();
  });
  for (const Status& end : ends)
    EXPECT_THAT(end.message(), HasSubstr("tensor 'm': no rank saves elements 2 to 2"));
}

class LostMomentsTest : public TrainingTest {};

TEST_F(LostMomentsTest, CheckpointWithoutAMoment_IsNoStateToGoOnFrom) {
  auto config = train_config("run");
  config.steps = 4;
  train(config, 1);
  auto found = newest(config);
  const std::string lost = "optimizer.exp_avg_sq.projector.clip_proj.proj";
  ASSERT_EQ(found.tensors.erase(lost), 1u);
  std::vector<checkpoint::TensorView> views;
  for (const auto& [name, data] : found.tensors)
    views.push_back({name, data.dtype, data.shape, data.bytes});
  config.checkpoint.directory = (folder_ / "lost").string();
  const checkpoint::Coordination alone{
      .all_gather = [](const std::string& mine) -> Result<std::vector<std::string>> {
        return std::vector<std::string>{mine};
      }};
  ASSERT_TRUE(checkpoint::save(files_, alone, {.folder = folder_ / "lost", .lease = {}}, views,
                               found.manifest.position)
                  .ok());
  config.steps = 6;
  for (const bool zero1 : {false, true}) {
    const auto ends =
        run_gang(2, [&](Rank& rank) { return run_train(rank, sharded(config, zero1)); });
    for (const auto& end : ends)
      EXPECT_THAT(end.status().message(), HasSubstr(lost + " is missing"));
  }
}

}  // namespace
}  // namespace tagalign::jobs
