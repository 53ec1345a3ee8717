/// What every job gets: one rank's seat, its reporter, files and device.
///
/// Ranks that share a folder must not each judge what lies in it: a slow file system
/// shows them different things, and a rank that leaves early lets the others wait in
/// their next collective until its agent ends them. What one rank has to look at or to do
/// for all goes through first_decides().
#pragma once

#include <c10/core/Device.h>

#include <charconv>
#include <concepts>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>

#include "base/file_system.h"
#include "base/status.h"
#include "worker/collectives/collective_group.h"
#include "worker/rank/activity.h"
#include "worker/rank/reporter.h"

namespace tagalign::jobs {

/// Collective: what the first rank passes, value or error, on every rank. The error of a collective
/// that fails goes before it.
Result<std::string> share_first(collectives::CollectiveGroup& group, Result<std::string> mine);

/// How a decision travels between ranks.
inline std::string decision_text(std::string value) {
  return value;
}
template <std::unsigned_integral T>
std::string decision_text(T value) {
  return std::to_string(+value);
}

template <class T>
Result<T> decision_from_text(const std::string& text) {
  if constexpr (std::is_same_v<T, std::string>) {
    return text;
  } else if constexpr (std::is_same_v<T, bool>) {
    return text != "0";
  } else {
    T value = 0;
    const auto end = std::from_chars(text.data(), text.data() + text.size(), value);
    if (end.ec == std::errc() && end.ptr == text.data() + text.size()) return value;
    return internal_error("the first rank decided '" + text + "': expected an unsigned integer");
  }
}

/// Borrowed; all outlive the job.
struct Rank {
  collectives::CollectiveGroup& group;
  Reporter& reporter;
  FileSystem& files;
  at::Device device{at::kCPU};
  Activity* activity = nullptr;  ///< absent where nobody asks whether it gets on

  /// What it is at from now on.
  void enter(wire::Phase phase) {
    if (activity != nullptr) activity->enter(phase);
  }
  std::int64_t collective_ms() const { return activity == nullptr ? 0 : activity->collective_ms(); }

  bool is_first() const { return group.rank() == 0; }

  /// Collective. The first rank alone calls decide(), which returns a Status or the Result of a
  /// bool, an unsigned integer or a string; all ranks return the same value, or the same error.
  template <class Decide>
  std::invoke_result_t<Decide&> first_decides(Decide&& decide) {
    using Decision = std::invoke_result_t<Decide&>;
    if constexpr (std::is_same_v<Decision, Status>) {
      Status status;
      if (is_first()) status = decide();
      return share_first(group, status.ok() ? Result<std::string>("") : status).status();
    } else {
      using Value = std::remove_cvref_t<decltype(std::declval<Decision&>().value())>;
      Result<std::string> mine("");
      if (is_first()) {
        Decision decision = decide();
        mine = decision.ok() ? decision_text(std::move(decision).value())
                             : Result<std::string>(decision.status());
      }
      TA_ASSIGN_OR_RETURN(const std::string text, share_first(group, std::move(mine)));
      return decision_from_text<Value>(text);
    }
  }
};

/// How a job that did not fail ended.
enum class JobEnd {
  kFinished,
  kSavedAndLeft,  ///< on request; exit code 75
};

}  // namespace tagalign::jobs
