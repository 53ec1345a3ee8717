/// Decides who may connect: the ZAP handler (rfc.zeromq.org/spec/27) of one context.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>
#include <zmq.hpp>

#include "base/file_system.h"
#include "base/status.h"
#include "coordinator/wire/allow_list.h"

namespace tagalign::wire {

/// A thread that answers each CURVE handshake from the allow-list and keeps that up to date. The id()
/// of the key that was found becomes the User-Id of every message of that connection. Ends when the
/// context is shut down; the destructor waits for that.
class ZapHandler {
 public:
  /// Binds before it returns, so that no handshake can slip through. The context
  /// must outlive the handler.
  static Result<std::unique_ptr<ZapHandler>> start(zmq::context_t& context, Path allowed_folder);
  ~ZapHandler();

  const AllowList& allowed() const { return allowed_; }

 private:
  ZapHandler(zmq::socket_t socket, Path allowed_folder);
  void serve();
  void answer(const std::vector<std::string>& request);
  void complain(const std::string& key);

  zmq::socket_t socket_;
  Path allowed_folder_;
  AllowList allowed_;
  std::optional<std::chrono::steady_clock::time_point> complained_at_;
  std::uint64_t silent_ = 0;  ///< refusals since then
  std::thread thread_;
};

}  // namespace tagalign::wire
