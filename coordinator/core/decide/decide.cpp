#include "coordinator/core/decide/turn.h"

namespace tagalign::core {

Decision decide(Mind& mind, State& state, const Input& input) {
  Turn turn{mind, state, input.at_ms, {}};
  std::visit([&](const auto& body) { handle(turn, body); }, input.body);
  cancel_orphans(turn);
  choose_bests(turn);
  cancel_orphans(turn);
  place_ready(turn);
  tend_pools(turn);
  archive_old(turn);
  return std::move(turn.decision);
}

}  // namespace tagalign::core
