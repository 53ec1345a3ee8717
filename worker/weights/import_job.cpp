#include "worker/weights/import_job.h"

#include <cmath>

#include "base/format.h"
#include "base/version.h"
#include "checkpoint/run_position.h"
#include "checkpoint/save.h"
#include "checkpoint/tensor_adapter.h"
#include "configs/schema/reading/load.h"
#include "data/datasets/caption_dataset.h"
#include "model/training/optimizer.h"
#include "worker/identity/config_identity.h"
#include "worker/identity/dataset_options.h"
#include "worker/identity/schedule.h"
#include "worker/weights/trained_weights.h"

namespace tagalign::jobs {
namespace {

constexpr char kEvaluationFolder[] = "export";
constexpr double kRateTolerance = 1e-9;  // relative: the reference multiplies step by step

Status check_architecture(const config::TrainConfig& config, const TrainedWeights& trained) {
  if (trained.method->name != config::method_name(config.method)) {
    return invalid_argument(format("the configuration trains {}, the file holds weights of {}",
                                   config::method_name(config.method), trained.method->name));
  }
  TA_ASSIGN_OR_RETURN(const std::string asked,
                      trained.method->weights->asked(config, trained.layout));
  if (asked == trained.layout.architecture) return ok_status();
  return invalid_argument(
      format("the configuration asks for {}, the file holds {}; set the keys of method to what the "
             "file holds",
             asked, trained.layout.architecture));
}

/// Fills the position as a training with `config` would have written it.
Status bind_config(FileSystem& files, const config::TrainConfig& config, TrainedWeights& trained) {
  TA_RETURN_IF_ERROR(check_architecture(config, trained));
  if (config::needs_clip(config.method))
    TA_RETURN_IF_ERROR(bind_clip(files, config.clip.weights, trained).with_context("clip.weights"));
  TA_ASSIGN_OR_RETURN(
      const auto dataset,
      data::CaptionDataset::open(
          files, dataset_options(config.data, config::learns_attributes(config.method))));
  auto& position = trained.position;
  TA_ASSIGN_OR_RETURN(const ConfigIdentity identity, config_identity(config));
  position.config_digest = identity.digest;
  position.settings = identity.settings;
  position.dataset_digest = dataset.digest();
  position.seed = config.runtime.seed;
  position.global_batch = config.global_batch;
  position.samples = position.step * static_cast<std::uint64_t>(config.global_batch);
  return ok_status();
}

void compare_schedule(const config::TrainConfig& config, const TrainedWeights& trained,
                      std::vector<std::string>& notices) {
  if (!trained.next_lr) return;
  const double ours = model::learning_rate(
      schedule_of(config.optimizer, config.global_batch, config.steps), trained.position.step);
  if (std::abs(ours - *trained.next_lr) <= kRateTolerance * std::abs(*trained.next_lr)) return;
  notices.push_back(
      format("the learning rate of the next step is {:.9g} in the file and {:.9g} by the "
             "configuration: compare optimizer.*, global_batch and steps",
             *trained.next_lr, ours));
}

void compare_counts(const TrainedWeights& trained, std::vector<std::string>& notices) {
  const std::uint64_t step = trained.position.step;
  if (trained.schedule_position && *trained.schedule_position != step) {
    notices.push_back(
        format("the file counts {} steps and its schedule {}: the training goes on at "
               "step {}",
               step, *trained.schedule_position, step));
  }
  if (trained.updates && *trained.updates != step) {
    notices.push_back(
        format("the optimiser changed the parameters in {} of {} steps (fp16 skips "
               "some): its bias correction will use {}",
               *trained.updates, step, step));
  }
}

/// Late parameters go on with the bias correction that the configured first step gives them.
void compare_late_start(const config::TrainConfig& config, const TrainedWeights& trained,
                        std::vector<std::string>& notices) {
  if (!trained.updates || !trained.late_updates) return;
  const std::uint64_t start = config::late_step(config.method);
  const std::uint64_t expected = *trained.updates > start ? *trained.updates - start : 0;
  if (*trained.late_updates == expected) return;
  notices.push_back(
      format("the optimiser changed the late parameters in {} of {} steps, the configuration lets "
             "them begin at step {}: compare method.blocks_from_step",
             *trained.late_updates, *trained.updates, start));
}

Result<checkpoint::Manifest> write_checkpoint(FileSystem& files, const Path& folder,
                                              const TrainedWeights& trained) {
  model::StateDict tensors = trained.tensors;
  tensors.insert(trained.moments.begin(), trained.moments.end());
  TA_ASSIGN_OR_RETURN(const auto held, checkpoint::hold_views(tensors));
  const checkpoint::Coordination alone{
      .all_gather = [](const std::string& mine) -> Result<std::vector<std::string>> {
        return std::vector<std::string>{mine};
      }};
  TA_RETURN_IF_ERROR(files.create_directories(folder));
  return checkpoint::save(files, alone, {.folder = folder}, held.views, trained.position);
}

}  // namespace

Result<Imported> import_weights(FileSystem& files, const ImportOptions& options) {
  TA_ASSIGN_OR_RETURN(auto trained, read_trained_weights(files, options.from));
  trained.position.world_size = 1;
  trained.position.scheduled = true;
  trained.position.code = kVersion;
  Imported imported{.notices = trained.notices};
  if (!options.clip.empty())
    TA_RETURN_IF_ERROR(bind_clip(files, options.clip, trained).with_context("--clip"));
  const bool has_optimizer = !trained.moments.empty();
  if (!options.config.empty()) {
    TA_ASSIGN_OR_RETURN(auto config, config::load_job_config<config::TrainConfig>(
                                         files, options.config, options.overrides));
    if (!options.clip.empty()) config.clip.weights = options.clip;
    TA_RETURN_IF_ERROR(bind_config(files, config, trained).with_context(options.config));
    compare_schedule(config, trained, imported.notices);
    compare_late_start(config, trained, imported.notices);
    imported.resumable = has_optimizer;
  }
  if (!has_optimizer) {
    imported.notices.push_back(
        format("{} holds no optimizer state ({}): the checkpoint serves "
               "evaluation and export, a training cannot go on from it",
               options.from, trained.source));
  } else if (options.config.empty()) {
    imported.notices.push_back(
        "no --config was given: the checkpoint serves evaluation and export; to train on, import "
        "into another folder with --config TRAIN_YAML");
  }
  compare_counts(trained, imported.notices);
  const Path output = options.output;
  TA_ASSIGN_OR_RETURN(
      const auto manifest,
      write_checkpoint(files, has_optimizer ? output : output / kEvaluationFolder, trained));
  imported.folder = manifest.folder;
  return imported;
}

}  // namespace tagalign::jobs
