/// The folder in which a coordinator keeps everything, and its keys. A client needs three files of
/// it: endpoint, server.public and its own key.
///
///   STATE/endpoint               "tcp://login1:41234", as clients write it
///   STATE/listen                 what the coordinator binds, with the port that it keeps over
///                                restarts
///   STATE/server.public          Z85 public key of the coordinator
///   STATE/coordinator.pid        "PID START_TICKS" of the running coordinator
///                                (process_start_ticks)
///   STATE/coordinator.log
///   STATE/keys/NAME.secret       0600: two lines, public and secret key (server, client, agent)
///   STATE/keys/agent.key         0600: what an agent needs that does not share the folder
///   STATE/keys/allowed/NAME.ROLE public keys that may connect (coordinator/wire/allow_list.h)
///   STATE/coordinator.sqlite     events and results (coordinator/store), and the lock of the folder
///   STATE/agents/ID/             the folder of an agent that the coordinator started
///
/// Secret files that others can read are refused with the command that mends them. Files are
/// private to the user.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "base/file_system.h"
#include "base/status.h"
#include "coordinator/wire/transport.h"

namespace tagalign::wire {

/// Where things lie below a state folder; nothing is touched.
class StateFolder {
 public:
  explicit StateFolder(Path root) : root_(std::move(root)) {}

  const Path& root() const { return root_; }
  Path endpoint() const { return root_ / "endpoint"; }
  Path listen() const { return root_ / "listen"; }
  Path server_public() const { return root_ / "server.public"; }
  Path pid_file() const { return root_ / "coordinator.pid"; }
  Path log_file() const { return root_ / "coordinator.log"; }
  Path keys() const { return root_ / "keys"; }
  Path allowed() const { return keys() / "allowed"; }
  Path secret(const std::string& name) const { return keys() / (name + ".secret"); }
  Path agent_key() const { return keys() / "agent.key"; }
  Path agent(const std::string& id) const { return root_ / "agents" / id; }

 private:
  Path root_;
};

/// Makes folders (0700) and keys that are not there yet; leaves what is there, and the mode of a
/// root that exists. keys/ is made private in any case. Safe to call again.
Status create_state_folder(const Path& root);

/// kNotFound when no coordinator has used the folder; kPermissionDenied when the key file
/// is readable by others.
Result<KeyPair> load_server_credentials(const Path& root);
/// Endpoint, server's key and own key for `role` (kClient or kAgent).
Result<CurveClientOptions> load_client_credentials(const Path& root,
                                                   PeerRole role = PeerRole::kClient);

/// Where a coordinator is, and how one knows that it is this one.
struct CoordinatorDoor {
  std::string endpoint;
  std::string server_public_key;
};
/// kNotFound when no coordinator has used the folder.
Result<CoordinatorDoor> read_door(const Path& root);

/// For whoever does not share the folder: a file that `tagalign key add` made (given_keys.h), or
/// STATE/keys/agent.key, which has no endpoint. `endpoint`, where it is given, wins. Refused when
/// others can read it.
Result<CurveClientOptions> load_key_file(const Path& file, const std::string& endpoint,
                                         PeerRole role);

/// A process named for good: a pid alone may be given to another process.
struct ProcessIdentity {
  pid_t pid = 0;
  std::uint64_t start_ticks = 0;
};
Status write_pid_file(const Path& path, pid_t pid);
/// The process of a pid file when it is alive; nullopt when the file or the process is gone.
std::optional<ProcessIdentity> read_live_process(const Path& path);

}  // namespace tagalign::wire
