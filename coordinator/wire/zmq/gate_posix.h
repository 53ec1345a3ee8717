/// The door in front of a server socket: accepts TCP connections and passes their bytes on to
/// libzmq, as long as they behave.
///
/// libzmq has one limit for messages of friends and strangers, reads whatever comes, and takes every
/// connection. The gate greets strangers itself and opens nothing inside for half a handshake, keeps
/// them short until the server has accepted their key (it sees READY go by), and lets nobody take
/// more than a share: what is above it waits in the peer's own kernel. It knows no secret and, but for
/// the greeting, changes no byte.
///
/// Owns     two threads, one of them of lower priority for those who have not begun a handshake
///          (gate_porch_posix.h), the listening socket, and two descriptors for each connection.
/// Memory   at most kGateChunk for each direction of each connection; a visitor's beginning.
/// Failure  a peer beyond a limit is cut off; what it hears is the end of its connection.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "base/status.h"

namespace tagalign::wire {

inline constexpr std::size_t kGateChunk = 64u << 10;

struct GateLimits {
  std::size_t connections_max = 4'096;
  /// That have not said greeting and HELLO; the address with the most of them makes room.
  std::size_t visitors_max = 1'024;
  std::size_t strangers_max = 256;  ///< whose key was not accepted yet; the oldest makes room
  double accepts_per_s = 100'000;
  double accepts_burst = 256;
  double opens_per_s = 250;  ///< handshakes with libzmq, which cost it much
  double opens_burst = 256;
  std::chrono::milliseconds handshake_ms_max{5'000};
  std::size_t stranger_bytes_max = 2'048;  ///< a handshake has less
  std::size_t frame_bytes_max = 0;         ///< of a friend; one that announces more is cut off
  double frames_per_s = 1'000;             ///< of each connection
  double frames_burst = 1'000;
  double bytes_per_s = 4.0 * (1u << 20);   ///< of each connection
  double bytes_burst = 68.0 * (1u << 20);  ///< one of the largest messages
  /// One that takes no byte of what waits for it so long is cut off.
  std::chrono::milliseconds unread_ms_max{15'000};
};

/// Of which the process's limit of open files leaves room, beside all else that it opens.
std::size_t connections_that_fit();

class Gate {
 public:
  virtual ~Gate() = default;
  /// Listens at `endpoint`, "tcp://ADDRESS:PORT" (PORT may be *), and connects what comes to the
  /// abstract Unix socket `inner`. kAlreadyExists when the port is in use.
  static Result<std::unique_ptr<Gate>> open(const std::string& endpoint, const std::string& inner,
                                            const GateLimits& limits);
  /// With the port that was chosen.
  virtual std::string endpoint() const = 0;
};

}  // namespace tagalign::wire
