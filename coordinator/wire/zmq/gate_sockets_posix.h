/// TCP as the gate needs it: a socket that listens, names of both ends, and what the log hears of
/// strangers. Private to the gate.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "base/status.h"

namespace tagalign::wire {

/// Bound and listening at "tcp://ADDRESS:PORT"; does not block. kAlreadyExists when the port is in use.
Result<int> listen_at(const std::string& endpoint);
/// Of a socket of ours, with the port that was chosen.
std::string endpoint_of(int fd);
std::string peer_of(int fd);

/// Says who was cut off. The server knows keys and not addresses; strangers shall not fill the log.
class StrangerNews {
 public:
  explicit StrangerNews(std::string endpoint) : endpoint_(std::move(endpoint)) {}
  void tell(int fd, std::chrono::steady_clock::time_point now);

 private:
  std::string endpoint_;
  std::optional<std::chrono::steady_clock::time_point> told_at_;
  std::uint64_t silent_ = 0;  ///< that were not told of since then
};

}  // namespace tagalign::wire
