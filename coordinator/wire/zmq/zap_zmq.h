/// Decides who may connect: the ZAP handler (rfc.zeromq.org/spec/27) of one context.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>
#include <zmq.hpp>

#include "base/file_system.h"
#include "base/status.h"
#include "coordinator/wire/transport.h"

namespace tagalign::wire {

/// The name of the file in `folder` (NAME.client or NAME.agent) that holds `public_key`;
/// nullopt when none does.
std::optional<std::string> find_allowed_key(FileSystem& files, const Path& folder,
                                            std::string_view public_key);
/// From the ending of such a name.
std::optional<PeerRole> role_of_allowed_name(std::string_view name);

/// A thread that answers each CURVE handshake from the folder's present contents. The accepted file
/// name becomes the User-Id of every message of that connection. Ends when the context is shut
/// down; the destructor waits for that.
class ZapHandler {
 public:
  /// Binds before it returns, so that no handshake can slip through. The context
  /// must outlive the handler.
  static Result<std::unique_ptr<ZapHandler>> start(zmq::context_t& context, Path allowed_folder);
  ~ZapHandler();

 private:
  ZapHandler(zmq::socket_t socket, Path allowed_folder);
  void serve();
  void answer(const std::vector<std::string>& request);

  zmq::socket_t socket_;
  Path allowed_folder_;
  std::thread thread_;
};

}  // namespace tagalign::wire
