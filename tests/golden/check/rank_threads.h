/// Runs the ranks of one gang as threads of this program.
#pragma once

#include <exception>
#include <optional>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/status.h"
#include "worker/collectives/collective_group.h"

namespace tagalign::golden {

/// `body(group)` gives a Result<T> on each rank's thread → Result<std::vector<T>> in the order of
/// ranks, or the error of the first that has one. An exception, of Torch or of an absent map entry,
/// is such an error; it aborts the group, so that no rank waits for another in vain.
template <class Body>
auto on_rank_threads(int ranks, const Body& body) {
  using Outcome = std::invoke_result_t<const Body&, collectives::CollectiveGroup&>;
  using Value = std::remove_cvref_t<decltype(std::declval<Outcome>().value())>;
  constexpr std::int64_t kTimeoutMs = 120'000;
  auto groups = collectives::make_thread_groups(ranks, kTimeoutMs);
  std::vector<std::optional<Outcome>> outcomes(groups.size());
  std::vector<std::thread> threads;
  for (std::size_t r = 0; r < groups.size(); ++r) {
    threads.emplace_back([&, r] {
      try {
        outcomes[r].emplace(body(*groups[r]));
      } catch (const std::exception& error) {
        outcomes[r].emplace(Status(internal_error(error.what())));
      }
      if (!outcomes[r]->ok()) groups[r]->abort(outcomes[r]->status().message());
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::vector<Value> values;
  for (auto& outcome : outcomes) {
    if (!outcome->ok()) return Result<std::vector<Value>>(outcome->status());
    values.push_back(std::move(*outcome).value());
  }
  return Result<std::vector<Value>>(std::move(values));
}

}  // namespace tagalign::golden
