#include "tests/simulation/coordinator/pool.h"

#include <algorithm>

namespace tagalign::simulation {
namespace {

constexpr std::int64_t kAskAgainMs = 2'500;  ///< shorter than a late start: two may be granted

}  // namespace

Pool::Pool(World& world, const std::vector<Node*>& nodes) : world_(world) {
  for (Node* node : nodes) places_.push_back({.node = node});
}

void Pool::tick() {
  for (Place& place : places_) {
    look(place);
    if (!place.running && !stopping_ && world_.now >= place.ask_ms) ask(place);
  }
}

void Pool::look(Place& place) {
  if (world_.now < place.look_ms) return;
  const bool late = world_.strikes(world_.weather.pool_late, "pool tells late");
  place.look_ms = world_.now + world_.between(50, late ? 15'000 : 500);
  place.running = place.node->up();
}

/// What was granted comes, whether or not the coordinator that asked for it still lives.
void Pool::ask(Place& place) {
  place.ask_ms = world_.now + kAskAgainMs;
  if (world_.strikes(world_.weather.pool_refusal, "pool refuses")) return;
  const bool late = world_.strikes(world_.weather.pool_late, "pool starts late");
  world_.after(world_.between(50, late ? 30'000 : 2'000), [&world = world_, node = place.node] {
    if (node->up()) ++world.misfortunes["second agent turned away"];
    node->start();
  });
}

void Pool::on_hello(const wire::AgentHello& hello) {
  for (Place& place : places_) {
    if (place.node->id() != hello.agent || place.running) continue;
    ++world_.misfortunes["agent adopted"];
    place.running = true;
  }
}

int Pool::alive() {
  return static_cast<int>(
      std::ranges::count_if(places_, [](const Place& place) { return place.running; }));
}

int Pool::slots_per_agent() const {
  int most = 0;
  for (const Place& place : places_) most = std::max(most, place.node->slots());
  return most;
}

}  // namespace tagalign::simulation
