#include "worker/agent/gangs/start_key.h"

#include <type_traits>

#include "configs/schema/jobs/job_kinds.h"
#include "configs/schema/reading/load.h"

namespace tagalign::agent {
namespace {

bool is_evaluation(std::string_view kind) {
  bool found = false;
  config::with_job_kind(kind, [&](const auto& known) {
    found = std::is_same_v<typename std::remove_cvref_t<decltype(known)>::ConfigType,
                           config::EvaluateConfig>;
  });
  return found;
}

}  // namespace

std::optional<StartKey> start_key_of(const wire::Launch& launch) {
  if (launch.shares.size() != 1 || !is_evaluation(launch.kind)) return std::nullopt;
  auto config = config::parse_job_config<config::EvaluateConfig>(launch.config_yaml,
                                                                 launch.job_name, launch.overrides);
  if (!config.ok()) return std::nullopt;
  return StartKey{.workspace = launch.workspace,
                  .ranks = launch.ranks,
                  .slots_per_rank = launch.slots_per_rank,
                  .slots = launch.shares.front().slots,
                  .runtime = config->runtime,
                  .clip = config->clip,
                  .method = config->method,
                  .checkpoint = config->checkpoint};
}

}  // namespace tagalign::agent
