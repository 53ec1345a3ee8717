/// Sockets as the programs see them: frames to and from named peers,
/// authenticated, bounded in time.
///
/// The only implementation is wire/zmq (CurveZMQ with a ZAP allow-list over tcp; plain over ipc
/// inside a 0700 folder). tests/support/fake_transport.h scripts loss, delay and duplication. One
/// thread per object. A body handed to receive() has passed the frame's checksums (frame.h); it
/// is not decoded yet.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/file_system.h"
#include "base/status.h"

namespace tagalign::wire {

enum class FrameKind : std::uint16_t;  // frame.h

/// As what a peer speaks.
enum class PeerRole : std::uint8_t { kClient = 1, kAgent = 2, kRank = 3 };

/// What a key is allowed for (allow_list.h). Of clients each may what those before it may.
enum class KeyRole : std::uint8_t {
  kObserve = 1,  ///< look at jobs, logs, results and nodes
  kSubmit = 2,   ///< hand in jobs, change and cancel any
  kAdmin = 3,    ///< everything: pools and the end of the coordinator too
  kAgent = 4,    ///< offer slots and report, and nothing that a client may
};

struct Frame {
  FrameKind kind{};
  std::string body;
};

/// The key that a peer proved to hold; on ipc sockets there is none.
struct ProvenKey {
  std::string name;  ///< that its owner gave it
  KeyRole role = KeyRole::kObserve;
};

struct IncomingFrame {
  std::string peer;  ///< opaque; valid for send() while the connection lasts
  /// Follows from the key; kRank on ipc sockets.
  PeerRole role = PeerRole::kClient;
  Frame frame;
  ProvenKey key = {};
};

/// How one poll waits for several sockets and for other things.
class Waitable {
 public:
  virtual ~Waitable() = default;
  /// Can be polled for reading; -1 when there is nothing to poll. It tells only of what comes after
  /// the last call of ready(): ask that after every send() and receive(), right before the poll.
  virtual int wait_fd() const { return -1; }
  /// Whether receive(0) may have something now.
  virtual bool ready() { return true; }
};

/// Serves many peers.
class ServerSocket : public Waitable {
 public:
  /// The endpoint as clients must write it, with the port that was chosen.
  virtual std::string endpoint() const = 0;
  /// nullopt after `timeout_ms` without a frame. Damaged frames are counted, logged once
  /// per peer and dropped; so are those of a key that was revoked, whose peer is told.
  virtual Result<std::optional<IncomingFrame>> receive(std::int64_t timeout_ms) = 0;
  /// Never blocks; a peer that is gone is kUnavailable, an agent whose key was revoked too.
  virtual Status send(const std::string& peer, const Frame& frame) = 0;
};

/// Talks to one server; reconnects by itself.
class ClientSocket : public Waitable {
 public:
  /// Never blocks: queues while there is no connection. kUnavailable when the queue is full.
  virtual Status send(const Frame& frame) = 0;
  /// nullopt after `timeout_ms` without a frame. kPermissionDenied when the server refused the key,
  /// kUnsupported when it refused version or role: at once when that happens, then after each
  /// time-out while it lasts. The socket keeps trying inside receive(); what was queued for a
  /// connection that was refused is lost.
  virtual Result<std::optional<Frame>> receive(std::int64_t timeout_ms) = 0;
};

/// Key pairs in Z85, 40 characters each.
struct KeyPair {
  std::string public_key;
  std::string secret_key;
};

struct CurveServerOptions {
  std::string endpoint;  ///< "tcp://127.0.0.1:*" or with a port
  KeyPair keys;
  /// Who may connect, and as what: allow_list.h.
  Path allowed_folder;
};
struct CurveClientOptions {
  std::string endpoint;
  std::string server_public_key;
  KeyPair keys;
  /// What the peer wants to be: kClient or kAgent; must fit its key.
  PeerRole role = PeerRole::kClient;
};

/// kAlreadyExists with the port in the message when the endpoint is in use.
Result<std::unique_ptr<ServerSocket>> listen_curve(const CurveServerOptions& options);
Result<std::unique_ptr<ClientSocket>> connect_curve(const CurveClientOptions& options);
/// `path` of at most 100 characters (sun_path); its folder must be 0700.
Result<std::unique_ptr<ServerSocket>> listen_ipc(const Path& path);
Result<std::unique_ptr<ClientSocket>> connect_ipc(const Path& path);

Result<KeyPair> generate_keys();

}  // namespace tagalign::wire
