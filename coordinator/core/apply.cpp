#include "coordinator/core/dependencies.h"
#include "coordinator/core/scheduler.h"
#include "coordinator/core/turn.h"

namespace tagalign::core {

std::vector<Effect> apply(State& state, const Event& event) {
  Turn turn{state, event.at_ms, {}};
  state.now_ms = event.at_ms;
  std::visit([&](const auto& body) { handle(turn, body); }, event.body);
  cancel_orphans(turn);
  schedule(turn);
  return std::move(turn.effects);
}

}  // namespace tagalign::core
