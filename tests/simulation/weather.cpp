#include "tests/simulation/world.h"

namespace tagalign::simulation {

Weather some_weather(World& world) {
  const auto up_to = [&world](double most) { return world.random.uniform(0, most); };
  const double step = world.pace.per_step;
  return {.loss = up_to(0.2),
          .duplicate = up_to(0.2),
          .late_word = up_to(1),
          .slow = up_to(0.2),
          .stall = up_to(0.001),
          .rank_death = step * up_to(0.1),
          .program_error = step * up_to(0.04),
          .launch_error = up_to(0.1),
          .death_before_acting = up_to(0.1),
          .wedge = step * up_to(0.1),
          .orphan = up_to(1),
          .pool_refusal = up_to(0.5),
          .pool_late = up_to(0.1),
          .small_store = up_to(0.2),
          .snapshot_error = up_to(0.2)};
}

void add_slurm_weather(World& world) {
  const auto up_to = [&world](double most) { return world.random.uniform(0, most); };
  world.weather.early_end = up_to(0.6);
  world.weather.slurm_refusal = up_to(0.1);
  world.weather.slurm_loss = up_to(0.2);
  world.weather.slurm_full = up_to(0.3);
}

}  // namespace tagalign::simulation
