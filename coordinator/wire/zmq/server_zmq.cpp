/// ROUTER side of transport.h.
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <set>
#include <zmq.hpp>

#include "base/format.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/process.h"
#include "coordinator/wire/frame.h"
#include "coordinator/wire/zmq/gate_posix.h"
#include "coordinator/wire/zmq/socket_zmq.h"
#include "coordinator/wire/zmq/zap_zmq.h"

namespace tagalign::wire {
namespace {

constexpr int kServerLingerMs = 250;  // lets a last reply leave
constexpr int kHeartbeatMs = 5'000;
constexpr int kHeartbeatTimeoutMs = 15'000;
constexpr int kInnerBacklog = 1'024;
constexpr std::size_t kCurveBytesMax = 64;  // that CURVE adds to a message
constexpr std::size_t kPeersComplainedMax = 1'000;
constexpr std::size_t kAgentsRememberedMax = 10'000;

std::string user_id(zmq::message_t& message) {
  try {
    return message.gets("User-Id");
  } catch (const zmq::error_t&) {
    return "";  // plain sockets have none
  }
}

class RouterServer final : public ServerSocket {
 public:
  static Result<std::unique_ptr<ServerSocket>> open(const std::string& endpoint,
                                                    const CurveServerOptions* curve);
  ~RouterServer() override {
    close_quietly(socket_);
    context_.shutdown();  // ends the key check's thread
  }

  std::string endpoint() const override { return endpoint_; }
  Result<std::optional<IncomingFrame>> receive(std::int64_t timeout_ms) override;
  Status send(const std::string& peer, const Frame& frame) override;
  int wait_fd() const override { return socket_.get(zmq::sockopt::fd); }
  bool ready() override { return readable(socket_); }

 private:
  explicit RouterServer(bool curve) : curve_(curve) {}
  Status bind(const std::string& endpoint, const CurveServerOptions* curve);
  Status bind_behind_gate(const std::string& endpoint, const CurveServerOptions& curve);
  std::optional<IncomingFrame> take_one();
  std::optional<IncomingFrame> admit(std::string peer, zmq::message_t& message);
  std::optional<IncomingFrame> admit(IncomingFrame incoming, std::uint16_t version);
  std::optional<ProvenKey> prove(const std::string& peer, const std::string& user);
  void tell_revoked(const std::string& peer);
  Status send_bytes(const std::string& peer, const Frame& frame);
  void complain(const std::string& peer, const std::string& user, const Status& why);

  bool curve_;
  std::unique_ptr<Gate> gate_;  ///< outlives the context, whose last words go through it
  zmq::context_t context_{1};
  std::unique_ptr<ZapHandler> zap_;
  zmq::socket_t socket_;
  std::string endpoint_;
  std::set<std::string> complained_;
  std::map<std::string, std::string> agents_;  ///< peers that are sent to unasked: id of their key
};

Result<std::unique_ptr<ServerSocket>> RouterServer::open(const std::string& endpoint,
                                                         const CurveServerOptions* curve) {
  auto server = std::unique_ptr<RouterServer>(new RouterServer(curve != nullptr));
  TA_RETURN_IF_ERROR(server->bind(endpoint, curve));
  return std::unique_ptr<ServerSocket>(std::move(server));
}

/// Nobody but this process reaches it, which libzmq checks: every byte has come through the gate.
std::string inner_name() {
  static std::atomic<int> number{0};
  return format("tagalign-gate-{}-{}", ::getpid(), number++);
}

void accept_own_process_only(zmq::socket_t& socket) {
  const pid_t own = ::getpid();
  if (zmq_setsockopt(socket.handle(), ZMQ_IPC_FILTER_PID, &own, sizeof own) != 0)
    throw zmq::error_t();
}

GateLimits gate_limits() {
  GateLimits limits;
  limits.frame_bytes_max = limits::kFrameBytesMax + kFrameHeaderBytes + kCurveBytesMax;
  limits.connections_max = std::min(limits.connections_max, connections_that_fit());
  limits.visitors_max = std::min(limits.visitors_max, limits.connections_max);
  limits.strangers_max =
      std::clamp<std::size_t>(limits.connections_max / 4, 1, limits.strangers_max);
  return limits;
}

Status RouterServer::bind(const std::string& endpoint, const CurveServerOptions* curve) {
  try {
    if (curve != nullptr) {
      TA_ASSIGN_OR_RETURN(zap_, ZapHandler::start(context_, curve->allowed_folder));
    }
    socket_ = zmq::socket_t(context_, zmq::socket_type::router);
    socket_.set(zmq::sockopt::linger, kServerLingerMs);
    socket_.set(zmq::sockopt::router_mandatory, true);
    socket_.set(zmq::sockopt::maxmsgsize,
                static_cast<std::int64_t>(limits::kFrameBytesMax + kFrameHeaderBytes));
    socket_.set(zmq::sockopt::heartbeat_ivl, kHeartbeatMs);
    socket_.set(zmq::sockopt::heartbeat_timeout, kHeartbeatTimeoutMs);
    if (curve != nullptr) return bind_behind_gate(endpoint, *curve);
    socket_.bind(endpoint);
    endpoint_ = socket_.get(zmq::sockopt::last_endpoint);
    return ok_status();
  } catch (const zmq::error_t& error) {
    return errno_status(error.num(), format("listen on {}", endpoint));
  }
}

Status RouterServer::bind_behind_gate(const std::string& endpoint,
                                      const CurveServerOptions& curve) {
  const std::string inner = inner_name();
  socket_.set(zmq::sockopt::zap_domain, "tagalign");
  socket_.set(zmq::sockopt::curve_server, true);
  socket_.set(zmq::sockopt::curve_secretkey, curve.keys.secret_key);
  socket_.set(zmq::sockopt::backlog, kInnerBacklog);
  accept_own_process_only(socket_);
  socket_.bind("ipc://@" + inner);
  TA_ASSIGN_OR_RETURN(gate_, Gate::open(endpoint, inner, gate_limits()));
  endpoint_ = reachable_endpoint(gate_->endpoint(), host_name());
  return ok_status();
}

Result<std::optional<IncomingFrame>> RouterServer::receive(std::int64_t timeout_ms) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  try {
    while (true) {
      if (auto frame = take_one()) return frame;
      const auto left = remaining_until(deadline);
      zmq::pollitem_t item{socket_.handle(), 0, ZMQ_POLLIN, 0};
      if (!poll_interruptibly({&item, 1}, left)) return std::optional<IncomingFrame>();
    }
  } catch (const zmq::error_t& error) {
    return internal_error(format("receive on {}: {}", endpoint_, error.what()));
  }
}

/// Reads until a frame is fit for the caller or none is left.
std::optional<IncomingFrame> RouterServer::take_one() {
  zmq::message_t id;
  while (socket_.recv(id, zmq::recv_flags::dontwait)) {
    zmq::message_t body;
    bool whole = id.more() && socket_.recv(body);
    while (whole && body.more()) {  // a peer that is not ours: swallow the rest
      whole = bool(socket_.recv(body)) && body.more();
    }
    if (!whole) continue;
    if (auto frame = admit(id.to_string(), body)) return frame;
  }
  return std::nullopt;
}

std::optional<IncomingFrame> RouterServer::admit(std::string peer, zmq::message_t& message) {
  const std::string user = curve_ ? user_id(message) : "";
  const auto key = curve_ ? prove(peer, user) : ProvenKey{};
  if (!key) return std::nullopt;
  auto unpacked = unpack_frame(message.to_string_view());
  if (!unpacked.ok()) {
    complain(peer, user, unpacked.status());
    return std::nullopt;
  }
  const PeerRole role = curve_ ? peer_role_of(key->role) : PeerRole::kRank;
  return admit({std::move(peer), role, std::move(unpacked->frame), *key}, unpacked->version);
}

/// Answers what belongs to the handshake; the rest is for the caller.
std::optional<IncomingFrame> RouterServer::admit(IncomingFrame incoming, std::uint16_t version) {
  Status answered;
  if (incoming.frame.kind == FrameKind::kHello) {
    const auto hello = decode_hello(incoming.frame.body);
    if (!hello.ok()) {
      complain(incoming.peer, incoming.key.name, hello.status());
    } else {
      answered = send(incoming.peer, answer_hello(*hello, incoming.role));
    }
  } else if (version < kProtocolVersionMin || version > kProtocolVersionMax) {
    answered = send(incoming.peer, reject_version(version, version));
  } else {
    return incoming;
  }
  if (!answered.ok()) log_debug("answer to a new peer: {}", answered.message());
  return std::nullopt;
}

/// The handshake was a look at the allow-list of then: what was revoked since is told so.
std::optional<ProvenKey> RouterServer::prove(const std::string& peer, const std::string& user) {
  const auto key = zap_->allowed().still_allowed(user);
  if (!key) {
    complain(peer, user, permission_denied("its key was revoked"));
    tell_revoked(peer);
    return std::nullopt;
  }
  if (key->role == KeyRole::kAgent) {
    // One that is forgotten is known again by its next heartbeat.
    if (agents_.size() >= kAgentsRememberedMax) agents_.clear();
    agents_[peer] = user;
  }
  return ProvenKey{key->name, key->role};
}

void RouterServer::tell_revoked(const std::string& peer) {
  const Reject reject{
      "the key was revoked; ask the owner of the coordinator for another one (`tagalign key add "
      "NAME --role observe|submit|admin|agent`)"};
  const Status sent = send_bytes(peer, {FrameKind::kReject, encode(reject)});
  if (!sent.ok()) log_debug("tell a peer that its key was revoked: {}", sent.message());
}

void RouterServer::complain(const std::string& peer, const std::string& user, const Status& why) {
  if (complained_.size() >= kPeersComplainedMax || !complained_.insert(peer).second) return;
  log_warning("dropped a frame from {} on {}: {}", user.empty() ? "a peer" : user, endpoint_,
              why.message());
}

Status RouterServer::send(const std::string& peer, const Frame& frame) {
  const auto agent = agents_.find(peer);
  if (agent != agents_.end() && !zap_->allowed().still_allowed(agent->second)) {
    return unavailable("send to an agent: its key was revoked");
  }
  return send_bytes(peer, frame);
}

Status RouterServer::send_bytes(const std::string& peer, const Frame& frame) {
  try {
    const std::string bytes = pack_frame(frame);
    const auto flags = zmq::send_flags::dontwait;
    if (socket_.send(zmq::buffer(peer), flags | zmq::send_flags::sndmore) &&
        socket_.send(zmq::buffer(bytes), flags)) {
      return ok_status();
    }
    return unavailable("send to a peer: it does not read what was sent before");
  } catch (const zmq::error_t& error) {
    if (error.num() == EHOSTUNREACH) {
      agents_.erase(peer);
      return unavailable("send to a peer: it is no longer connected");
    }
    return internal_error(format("send to a peer of {}: {}", endpoint_, error.what()));
  }
}

}  // namespace

Result<std::unique_ptr<ServerSocket>> listen_curve(const CurveServerOptions& options) {
  return RouterServer::open(options.endpoint, &options);
}

Result<std::unique_ptr<ServerSocket>> listen_ipc(const Path& path) {
  TA_RETURN_IF_ERROR(check_ipc_path(path));
  return RouterServer::open("ipc://" + path.string(), nullptr);
}

}  // namespace tagalign::wire
