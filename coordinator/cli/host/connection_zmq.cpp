#include "base/format.h"
#include "base/limits.h"
#include "base/process.h"
#include "coordinator/cli/host/connection.h"
#include "coordinator/keys/state_folder.h"
#include "coordinator/wire/codec.h"
#include "coordinator/wire/transport.h"

namespace tagalign::cli {
namespace {

/// How often a connection looks whether its coordinator still runs.
constexpr std::int64_t kLookMs = 250;

class ZmqConnection final : public Connection {
 public:
  explicit ZmqConnection(Way way) : way_(std::move(way)) {}

  Result<wire::ClientReply> call(const wire::ClientRequest& request) override {
    Result<wire::ClientReply> reply = try_call(request);
    // Answers carry no number: after a failure a late one must not be taken
    // for the next question's.
    if (!reply.ok()) socket_.reset();
    return reply;
  }

 private:
  Status connect() {
    if (socket_) return ok_status();
    auto options = way_.key.empty()
                       ? wire::load_client_credentials(way_.state)
                       : wire::load_key_file(way_.key, way_.endpoint, wire::PeerRole::kClient);
    if (!options.ok()) {
      if (options.status().code() != ErrorCode::kNotFound || !way_.key.empty())
        return options.status();
      return unavailable(options.status().message());
    }
    endpoint_ = options->endpoint;
    if (gone()) return nobody();
    TA_ASSIGN_OR_RETURN(socket_, wire::connect_curve(*options));
    return ok_status();
  }

  /// True only of a coordinator of this machine whose process has ended.
  bool gone() const {
    if (!way_.key.empty()) return false;
    const bool here = endpoint_.starts_with("tcp://127.") ||
                      endpoint_.starts_with(format("tcp://{}:", host_name()));
    return here && !wire::read_live_process(wire::StateFolder(way_.state).pid_file());
  }
  Status nobody() const {
    return unavailable(
        format("no coordinator runs on {}; start it with: tagalign --state {} "
               "coordinator start",
               way_.state.string(), way_.state.string()));
  }

  std::string where_to_look() const {
    if (way_.key.empty()) return "look into " + wire::StateFolder(way_.state).log_file().string();
    return "ask its owner whether it runs, and reach it elsewhere with --connect ENDPOINT";
  }

  /// nullopt after the time of a request. One that ends before it answers is not waited for.
  Result<std::optional<wire::Frame>> await_reply() {
    for (std::int64_t waited_ms = 0; waited_ms < limits::kRequestTimeoutMs; waited_ms += kLookMs) {
      TA_ASSIGN_OR_RETURN(auto frame, socket_->receive(kLookMs));
      if (frame) return frame;
      if (gone()) return nobody();
    }
    return std::optional<wire::Frame>();
  }

  Result<wire::ClientReply> try_call(const wire::ClientRequest& request) {
    TA_RETURN_IF_ERROR(connect());
    TA_RETURN_IF_ERROR(socket_->send(wire::make_frame(request)));
    TA_ASSIGN_OR_RETURN(const auto frame, await_reply());
    if (!frame) {
      return unavailable(format("the coordinator at {} did not answer within {} s; {}", endpoint_,
                                limits::kRequestTimeoutMs / 1000, where_to_look()));
    }
    return wire::decode_client_reply(frame->body);
  }

  Way way_;
  std::string endpoint_;
  std::unique_ptr<wire::ClientSocket> socket_;
};

}  // namespace

std::unique_ptr<Connection> connect_zmq(const Way& way) {
  return std::make_unique<ZmqConnection>(way);
}

}  // namespace tagalign::cli
