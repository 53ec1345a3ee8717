#include "worker/jobs/prepare_job.h"

#include "base/format.h"
#include "base/log.h"
#include "data/scenes.h"

namespace tagalign::jobs {
namespace {

Result<data::SceneLook> look_of(const config::SceneSplitConfig& split) {
  if (split.look == "day") return data::SceneLook::kDay;
  if (split.look == "dusk") return data::SceneLook::kDusk;
  return invalid_argument(
      format("prepare: look '{}' of split {}: expected day or dusk", split.look, split.name));
}

Status draw(Rank& rank, const config::PrepareConfig& config) {
  data::ScenesOptions options{.output = config.output,
                              .seed = config.seed,
                              .train_count = config.train_count,
                              .train_dusk_share = config.train_dusk_share,
                              .train_size = config.train_size,
                              .validation = {}};
  for (const auto& split : config.validation) {
    TA_ASSIGN_OR_RETURN(const auto look, look_of(split));
    options.validation.push_back(
        {.name = split.name, .count = split.count, .size = split.size, .look = look});
  }
  constexpr std::uint64_t kSayEvery = 500;
  return data::prepare_scenes(rank.files, options, [&](std::uint64_t done, std::uint64_t total) {
    const std::string text = format("prepare: {} of {} images", done, total);
    rank.reporter.progress(done, total, text);
    if (done % kSayEvery == 0 || done == total) log_info("{}", text);
  });
}

}  // namespace

Result<JobEnd> run_prepare(Rank& rank, const config::PrepareConfig& config) {
  if (config.dataset != "scenes")
    return invalid_argument(format("prepare: data set '{}': expected scenes", config.dataset));
  TA_RETURN_IF_ERROR(rank.first_decides([&] { return draw(rank, config); }));
  return JobEnd::kFinished;
}

}  // namespace tagalign::jobs
