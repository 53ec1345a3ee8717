/// DEALER side of transport.h.
#include <algorithm>
#include <array>
#include <cstring>
#include <zmq.hpp>

#include "base/format.h"
#include "base/limits.h"
#include "coordinator/wire/frame.h"
#include "coordinator/wire/zmq/socket_zmq.h"

namespace tagalign::wire {
namespace {

constexpr int kReconnectMs = 50;
constexpr int kReconnectMsMax = 1'000;
constexpr int kHeartbeatMs = 5'000;
constexpr int kHeartbeatTimeoutMs = 15'000;
constexpr int kIpcLingerMs = 1'000;  // a rank's last word shall leave
constexpr int kUnexplainedHandshakesMax = 3;
constexpr std::chrono::milliseconds kRefusedRetry(500);
constexpr const char* kMonitorAddress = "inproc://monitor";

class DealerClient final : public ClientSocket {
 public:
  static Result<std::unique_ptr<ClientSocket>> open(const CurveClientOptions& options,
                                                    PeerRole role);
  ~DealerClient() override {
    close_quietly(monitor_);
    close_quietly(socket_);
  }

  Status send(const Frame& frame) override;
  Result<std::optional<Frame>> receive(std::int64_t timeout_ms) override;
  int wait_fd() const override { return socket_.get(zmq::sockopt::fd); }
  /// What a handshake came to is only looked at when somebody receives: no poll waits for it.
  bool ready() override { return readable(socket_) || readable(monitor_); }

 private:
  DealerClient(CurveClientOptions options, PeerRole role)
      : options_(std::move(options)), role_(role) {}
  Status connect();
  void set_options();
  void watch_handshakes();
  Status say_hello();
  void reconnect_when_due();
  Status read_monitor();
  Status judge_event(std::uint16_t event);
  Result<std::optional<Frame>> take_one();

  CurveClientOptions options_;
  PeerRole role_;
  zmq::context_t context_{1};
  zmq::socket_t socket_;
  zmq::socket_t monitor_;
  int unexplained_handshakes_ = 0;  // failed in a row, without a word from the server
  std::optional<std::chrono::steady_clock::time_point> reconnect_at_;
  Status refusal_;  // the newest reason why the server will not talk; ok when it does
};

Result<std::unique_ptr<ClientSocket>> DealerClient::open(const CurveClientOptions& options,
                                                         PeerRole role) {
  auto client = std::unique_ptr<DealerClient>(new DealerClient(options, role));
  TA_RETURN_IF_ERROR(client->connect());
  return std::unique_ptr<ClientSocket>(std::move(client));
}

Status DealerClient::connect() {
  try {
    socket_ = zmq::socket_t(context_, zmq::socket_type::dealer);
    set_options();
    watch_handshakes();
    socket_.connect(options_.endpoint);
  } catch (const zmq::error_t& error) {
    return invalid_argument(
        format("connect to {}: {}; expected tcp://ADDRESS:PORT and keys of 40 characters",
               options_.endpoint, error.what()));
  }
  return say_hello();
}

void DealerClient::set_options() {
  const bool curve = role_ != PeerRole::kRank;
  socket_.set(zmq::sockopt::linger, curve ? 0 : kIpcLingerMs);
  socket_.set(zmq::sockopt::reconnect_ivl, kReconnectMs);
  socket_.set(zmq::sockopt::reconnect_ivl_max, kReconnectMsMax);
  socket_.set(zmq::sockopt::heartbeat_ivl, kHeartbeatMs);
  socket_.set(zmq::sockopt::heartbeat_timeout, kHeartbeatTimeoutMs);
  socket_.set(zmq::sockopt::maxmsgsize,
              static_cast<std::int64_t>(limits::kFrameBytesMax + kFrameHeaderBytes));
  if (!curve) return;
  socket_.set(zmq::sockopt::curve_serverkey, options_.server_public_key);
  socket_.set(zmq::sockopt::curve_publickey, options_.keys.public_key);
  socket_.set(zmq::sockopt::curve_secretkey, options_.keys.secret_key);
}

void DealerClient::watch_handshakes() {
  constexpr int kEvents = ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
                          ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
                          ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL;
  if (zmq_socket_monitor(socket_.handle(), kMonitorAddress, kEvents) != 0) throw zmq::error_t();
  monitor_ = zmq::socket_t(context_, zmq::socket_type::pair);
  monitor_.set(zmq::sockopt::linger, 0);
  monitor_.connect(kMonitorAddress);
}

Status DealerClient::say_hello() {
  return send({FrameKind::kHello, encode(Hello{.role = role_, .program = "tagalign"})});
}

/// libzmq gives up a connection whose key was refused; the key may be allowed later.
void DealerClient::reconnect_when_due() {
  if (!reconnect_at_ || std::chrono::steady_clock::now() < *reconnect_at_) return;
  reconnect_at_.reset();
  try {
    socket_.disconnect(options_.endpoint);
  } catch (const zmq::error_t& error) {
    if (error.num() != ENOENT) throw;  // ENOENT: libzmq dropped it already
  }
  socket_.connect(options_.endpoint);
  (void)say_hello();  // fails only when the queue is full, and then nobody reads it
}

Status DealerClient::send(const Frame& frame) {
  try {
    if (socket_.send(zmq::buffer(pack_frame(frame)), zmq::send_flags::dontwait)) return ok_status();
    if (!refusal_.ok()) return refusal_;
    return unavailable(format("send to {}: not connected, and the queue of unsent messages is full",
                              options_.endpoint));
  } catch (const zmq::error_t& error) {
    return internal_error(format("send to {}: {}", options_.endpoint, error.what()));
  }
}

Result<std::optional<Frame>> DealerClient::receive(std::int64_t timeout_ms) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  try {
    while (true) {
      TA_RETURN_IF_ERROR(read_monitor());
      reconnect_when_due();
      auto frame = take_one();
      if (!frame.ok() || *frame) return frame;
      const auto left = remaining_until(deadline);
      const auto nap = reconnect_at_ ? std::min(left, remaining_until(*reconnect_at_)) : left;
      std::array<zmq::pollitem_t, 2> items{zmq::pollitem_t{socket_.handle(), 0, ZMQ_POLLIN, 0},
                                           zmq::pollitem_t{monitor_.handle(), 0, ZMQ_POLLIN, 0}};
      if (poll_interruptibly(items, nap) || nap < left) continue;
      if (!refusal_.ok()) return refusal_;
      return std::optional<Frame>();
    }
  } catch (const zmq::error_t& error) {
    return internal_error(format("receive from {}: {}", options_.endpoint, error.what()));
  }
}

/// Takes what the connection's handshakes came to; an error when one was refused just now.
Status DealerClient::read_monitor() {
  zmq::message_t event;
  while (monitor_.recv(event, zmq::recv_flags::dontwait)) {
    std::uint16_t number = 0;
    if (event.size() >= sizeof number) std::memcpy(&number, event.data(), sizeof number);
    while (event.more()) (void)monitor_.recv(event);
    TA_RETURN_IF_ERROR(judge_event(number));
  }
  return ok_status();
}

Status DealerClient::judge_event(std::uint16_t event) {
  reconnect_at_.reset();
  if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
    unexplained_handshakes_ = 0;
    refusal_ = ok_status();
    return ok_status();
  }
  if (event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH) {
    reconnect_at_ = std::chrono::steady_clock::now() + kRefusedRetry;
    refusal_ = permission_denied(format(
        "connect to {}: the key {} is not in the coordinator's allow-list: it was revoked, or is "
        "of another coordinator; ask its owner for one (`tagalign key add NAME --role "
        "observe|submit|admin|agent`)",
        options_.endpoint, options_.keys.public_key));
    return refusal_;
  }
  // A server that dies in the middle of a handshake looks the same as one with another
  // key: it takes several.
  if (++unexplained_handshakes_ < kUnexplainedHandshakesMax) return ok_status();
  refusal_ = permission_denied(format(
      "connect to {}: the server breaks off every handshake; it is not the coordinator whose "
      "key {} is known here: copy its server.public again, or check the endpoint",
      options_.endpoint, options_.server_public_key));
  return refusal_;
}

/// nullopt when nothing is there; handshake frames are dealt with here.
Result<std::optional<Frame>> DealerClient::take_one() {
  zmq::message_t message;
  while (socket_.recv(message, zmq::recv_flags::dontwait)) {
    auto unpacked = unpack_frame(message.to_string_view());
    if (!unpacked.ok()) return unpacked.status().with_context("receive from " + options_.endpoint);
    if (unpacked->frame.kind != FrameKind::kReject) refusal_ = ok_status();
    if (unpacked->frame.kind == FrameKind::kWelcome) continue;
    if (unpacked->frame.kind != FrameKind::kReject)
      return std::optional(std::move(unpacked->frame));
    const auto reject = decode_reject(unpacked->frame.body);
    refusal_ = unsupported(format("connect to {}: {}", options_.endpoint,
                                  reject.ok() ? reject->message : "refused without a reason"));
    return refusal_;
  }
  return std::optional<Frame>();
}

}  // namespace

Result<std::unique_ptr<ClientSocket>> connect_curve(const CurveClientOptions& options) {
  return DealerClient::open(options, options.role);
}

Result<std::unique_ptr<ClientSocket>> connect_ipc(const Path& path) {
  TA_RETURN_IF_ERROR(check_ipc_path(path));
  return DealerClient::open({.endpoint = "ipc://" + path.string()}, PeerRole::kRank);
}

}  // namespace tagalign::wire
