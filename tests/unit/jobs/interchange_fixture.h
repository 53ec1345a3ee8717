/// Trainings whose checkpoints are exported, imported, evaluated and shown.
#pragma once

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <string>

#include "configs/schema/reading/load.h"
#include "tests/unit/jobs/jobs_fixture.h"
#include "tests/unit/jobs/reference_file.h"
#include "worker/evaluate/evaluate_job.h"
#include "worker/identity/schedule.h"
#include "worker/train/train_job.h"
#include "worker/weights/export_job.h"
#include "worker/weights/import_job.h"
#include "worker/weights/trained_weights.h"
#include "worker/weights/weights_show.h"

namespace tagalign::jobs {

class InterchangeTest : public JobsTest {
 protected:
  config::TrainConfig train_config(const std::string& directory, std::uint64_t steps) {
    config::TrainConfig c;
    c.data = caption_data();
    c.clip.weights = clip_weights();
    c.method = config::TagAlignTraining{.projector = {.kind = config::ProjectorKind::kTransformer}};
    c.optimizer.schedule = config::ScheduleKind::kCosine;
    c.optimizer.warmup_steps = 1;
    c.checkpoint.directory = path(directory);
    c.checkpoint.every_steps = 2;
    c.global_batch = 8;
    c.steps = steps;
    return c;
  }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  std::string bytes(const std::string& name) {
    return files_.read_file(path(name), 1u << 30).value();
  }
  void train(const config::TrainConfig& config) {
    const auto end = run_gang(1, [&](Rank& rank) { return run_train(rank, config); })[0];
    ASSERT_TRUE(end.ok()) << end.status().message();
  }
  void export_to(const std::string& from, const std::string& to, const std::string& naming) {
    const auto said =
        export_weights(files_, {.checkpoint = path(from), .output = path(to), .naming = naming});
    ASSERT_TRUE(said.ok()) << said.status().message();
  }
  wire::EvaluationResult evaluate(const std::string& checkpoint) {
    config::EvaluateConfig c;
    c.clip.weights = clip_weights();
    c.checkpoint = path(checkpoint);
    c.output = path("results-of-" + Path(checkpoint).filename().string());
    c.datasets.resize(1);
    c.datasets[0] = {
        .name = "val", .root = path("scenes/val"), .short_side = 48, .window = 32, .stride = 16};
    const auto end = run_gang(1, [&](Rank& rank) { return run_evaluate(rank, c); })[0];
    EXPECT_TRUE(end.ok()) << end.status().message();
    return reporters_[0]->results.at(0);
  }
  nlohmann::json card(const std::string& file, const std::string& config = "") {
    const auto shown = describe_weights(
        files_, {.file = path(file), .config = config.empty() ? "" : path(config)});
    EXPECT_TRUE(shown.ok()) << shown.status().message();
    const auto card = nlohmann::json::parse(shown->line);
    EXPECT_EQ(card.at("fits"), shown->fits);
    return card;
  }
  /// The same for TCL, whose copied blocks begin to train at step `late`.
  config::TrainConfig tcl_config(const std::string& directory, std::uint64_t steps,
                                 std::uint64_t late) {
    config::TrainConfig c = train_config(directory, steps);
    c.method = config::TclTraining{.decoder = {.layers = 1}, .blocks_from_step = late};
    return c;
  }
  /// The names of the copied blocks, which wait.
  static model::LateParameters late_of(const config::TrainConfig& config,
                                       const TrainedWeights& trained) {
    model::LateParameters late{.first_step = config::late_step(config.method)};
    for (const auto& [name, tensor] : trained.tensors) {
      if (name.find(".backbone.") != std::string::npos) late.names.insert(name);
    }
    return late;
  }
  /// A reference checkpoint of step 2 beside the folder of the run that it came from.
  void make_reference_file(const config::TrainConfig& config, const std::string& step_folder,
                           const std::string& prefix = "") {
    const auto trained = read_trained_weights(files_, step_folder);
    ASSERT_TRUE(trained.ok()) << trained.status().message();
    const auto schedule = schedule_of(config.optimizer, config.global_batch, config.steps);
    ASSERT_TRUE(files_
                    .write_durable(folder_ / "reference.pth",
                                   reference_file(*trained, model::learning_rate(schedule, 2),
                                                  late_of(config, *trained), prefix))
                    .ok());
    ASSERT_TRUE(files_.write_durable(folder_ / "train.yml", config::dump(config).value()).ok());
  }
};

}  // namespace tagalign::jobs
