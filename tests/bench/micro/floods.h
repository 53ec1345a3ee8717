/// Clients that flood a coordinator, each in a way of its own, for flood_bench.
#pragma once

#include <netinet/in.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "base/file_system.h"

namespace tagalign::bench {

struct Target {
  Path state;
  Path key;  ///< of an observer
  sockaddr_in address{};
};

/// What a flooder reached; lies in memory that it shares with the bench.
struct FloodCount {
  std::atomic<std::uint64_t> tries{0};   ///< connections that were asked for
  std::atomic<std::uint64_t> frames{0};  ///< that a send took, half ones too
  std::atomic<std::uint64_t> bytes{0};
};

/// Floods until it is killed.
using Flood = std::function<void(const Target&, FloodCount&)>;

/// By name. "burn" takes a core and connects to nothing: what the others are compared with.
const std::map<std::string, Flood>& floods();

}  // namespace tagalign::bench
