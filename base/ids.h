/// Strong identifiers: two ids of different things cannot be mixed up or added.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace tagalign {

template <class Tag, class Rep>
struct StrongId {
  Rep value{};

  auto operator<=>(const StrongId&) const = default;
};

using WorkflowId = StrongId<struct WorkflowTag, std::uint64_t>;  ///< 1, 2, … in order of submission
using JobId = StrongId<struct JobTag, std::uint64_t>;            ///< 1, 2, … across all workflows
using Attempt = StrongId<struct AttemptTag, std::uint32_t>;      ///< 1, 2, … within a job
/// Chosen by the agent, kept in its folder.
using AgentId = StrongId<struct AgentTag, std::string>;

}  // namespace tagalign

template <class Tag, class Rep>
struct std::hash<tagalign::StrongId<Tag, Rep>> {
  std::size_t operator()(const tagalign::StrongId<Tag, Rep>& id) const {
    return std::hash<Rep>{}(id.value);
  }
};
