/// Tells a coordinator that restarts from one that is gone. For commands that ask again and again.
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/status.h"

namespace tagalign::cli {

inline constexpr std::int64_t kAwayMsMax = 60'000;

class Patience {
 public:
  /// `say` gets a line when the coordinator goes away, and one when it is back.
  Patience(Clock& clock, std::function<void(const std::string&)> say)
      : clock_(clock), say_(std::move(say)) {}

  /// ok to ask again after `status`: it is kUnavailable, and for less than kAwayMsMax.
  /// Otherwise the status itself.
  Status bear(const Status& status);
  void answered();

 private:
  Clock& clock_;
  std::function<void(const std::string&)> say_;
  bool is_away_ = false;
  MonotonicMs since_ms_ = 0;
};

}  // namespace tagalign::cli
