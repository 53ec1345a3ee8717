#include "worker/train/trainer_options.h"

#include <map>
#include <utility>

#include "base/format.h"
#include "base/version.h"

namespace tagalign::jobs {

data::LoaderOptions loader_options(const TrainerOptions& options, const Rank& rank,
                                   std::uint64_t first_sample) {
  const auto& a = options.augment;
  return {.seed = options.runtime.seed,
          .first_sample = first_sample,
          .global_batch = options.global_batch,
          .rank = rank.group.rank(),
          .world = rank.group.size(),
          .image_size = options.data.image_size,
          .threads = options.data.loader_threads,
          .prefetch_batches = options.data.prefetch_batches,
          .augment = {.scale_min = a.scale_min,
                      .scale_max = a.scale_max,
                      .ratio_min = a.ratio_min,
                      .ratio_max = a.ratio_max,
                      .flip = a.flip,
                      .rand_augment = a.rand_augment,
                      .erase = a.erase},
          .decoding = options.data.decode == config::ImageDecoding::kFast ? data::Decoding::kFast
                                                                          : data::Decoding::kExact};
}

model::RankShare optimizer_share(const TrainerOptions& options, const Rank& rank) {
  if (options.optimizer.sharding == config::OptimizerSharding::kNone) return {};
  return {rank.group.rank(), rank.group.size()};
}

std::string step_terms(const TrainerOptions& options, const Rank& rank,
                       const data::CaptionDataset& dataset) {
  return format("{} ranks on {}, configuration {}, data {}, frozen model {}", rank.group.size(),
                rank.device.is_cpu() ? "CPUs" : "GPUs", options.identity.digest, dataset.digest(),
                options.model_digest);
}

RunCheckpointOptions checkpoint_options(const TrainerOptions& options, const Rank& rank,
                                        const data::CaptionDataset& dataset,
                                        const model::AdamW& optimizer) {
  std::map<std::string, checkpoint::Range> needed;
  for (const auto& [name, part] : optimizer.parts()) {
    const auto elements = static_cast<std::uint64_t>(part.elements.numel());
    needed[name] = {part.begin, part.begin + elements};
  }
  return {.label = options.label,
          .checkpoint = options.checkpoint,
          .run = {.seed = options.runtime.seed,
                  .world_size = rank.group.size(),
                  .global_batch = options.global_batch,
                  .dataset_digest = dataset.digest(),
                  .config_digest = options.identity.digest,
                  .settings = options.identity.settings,
                  .model_digest = options.model_digest,
                  .scalars = {},
                  .code = kVersion},
          .needed = std::move(needed)};
}

}  // namespace tagalign::jobs
