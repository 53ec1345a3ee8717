/// Who may connect: a folder of files NAME.ROLE, each of which begins with one public key (Z85).
///
/// ROLE is observe, submit, admin or agent; `client`, as older releases wrote it, means admin. What
/// people change in the folder is seen by find() at once, and by still_allowed() two kLookMs later at the
/// latest: that is how long a key that was revoked still works on a connection that it has.
///
/// Failure  a folder that cannot be read is said, and what was read last stays in force.
/// Threads  any.
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.h"
#include "base/status.h"
#include "coordinator/wire/transport.h"

namespace tagalign::wire {

/// "observe", "submit", "admin", "agent".
std::string_view key_role_name(KeyRole role);
std::optional<KeyRole> key_role_of(std::string_view word);
PeerRole peer_role_of(KeyRole role);

struct AllowedKey {
  std::string name;
  KeyRole role = KeyRole::kObserve;
  std::string public_key;
  std::string file;  ///< its name in the folder

  /// Names key and permission together: a file that was renamed, or holds another key, is another.
  std::string id() const { return public_key + " " + file; }
};

/// By file name. What is no file of the list is left out, one without a key too.
Result<std::vector<AllowedKey>> read_allowed_keys(FileSystem& files, const Path& folder);

class AllowList {
 public:
  static constexpr std::chrono::milliseconds kLookMs{300};

  AllowList(FileSystem& files, Path folder);

  /// For a handshake. A key that is not known is looked for in the folder again, but not more
  /// often than strangers shall cost.
  std::optional<AllowedKey> find(std::string_view public_key);
  /// Whether that id() is still in force; costs a look-up.
  std::optional<AllowedKey> still_allowed(const std::string& id) const;
  /// Reads the folder, unless that was done within kLookMs.
  void look();

 private:
  using Instant = std::chrono::steady_clock::time_point;
  void look_again(Instant now);

  FileSystem& files_;
  const Path folder_;
  mutable std::mutex mutex_;
  std::map<std::string, AllowedKey, std::less<>> by_id_;  ///< begins with the key
  Instant looked_at_{};
  std::optional<Instant> stranger_at_;  ///< when the last one made us look
  bool failing_ = false;
};

}  // namespace tagalign::wire
