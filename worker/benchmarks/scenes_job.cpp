#include "worker/benchmarks/scenes_job.h"

#include "base/format.h"
#include "base/log.h"
#include "data/scenes/scenes.h"

namespace tagalign::jobs {
namespace {

data::SceneLook look_of(const config::SceneSplitConfig& split) {
  return split.look == config::SceneLook::kDay ? data::SceneLook::kDay : data::SceneLook::kDusk;
}

Status draw(Rank& rank, const config::ScenesConfig& config) {
  data::ScenesOptions options{.output = config.output,
                              .seed = config.seed,
                              .train_count = config.train_count,
                              .train_dusk_share = config.train_dusk_share,
                              .train_size = config.train_size,
                              .validation = {}};
  for (const auto& split : config.validation) {
    options.validation.push_back(
        {.name = split.name, .count = split.count, .size = split.size, .look = look_of(split)});
  }
  constexpr std::uint64_t kSayEvery = 500;
  return data::prepare_scenes(rank.files, options, [&](std::uint64_t done, std::uint64_t total) {
    const std::string text = format("scenes: {} of {} images", done, total);
    rank.reporter.progress(done, total, text);
    if (done % kSayEvery == 0 || done == total) log_info("{}", text);
  });
}

}  // namespace

Result<JobEnd> run_scenes(Rank& rank, const config::ScenesConfig& config) {
  TA_RETURN_IF_ERROR(rank.first_decides([&] { return draw(rank, config); }));
  return JobEnd::kFinished;
}

}  // namespace tagalign::jobs
