/// Keys that the owner of a coordinator gives to people and machines: a private file for them, a
/// line of the allow-list here. Whoever may write into the state folder is its owner: no message
/// makes a key, so that a stolen one cannot make others. A running coordinator sees every change.
#pragma once

#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/status.h"
#include "coordinator/wire/allow_list.h"

namespace tagalign::wire {

inline constexpr std::size_t kKeyNameCharsMax = 64;

struct NewKey {
  std::string name;  ///< [A-Za-z0-9_-], at most kKeyNameCharsMax
  KeyRole role = KeyRole::kObserve;
  Path file;  ///< where its owner finds it; must not exist
};

/// What a key file holds, and where the coordinator is reached with it.
struct GivenKey {
  AllowedKey key;
  std::string endpoint;
};

/// Writes `file` with mode 0600, then the allow-list: the coordinator's public key, the new public
/// and secret key, and the endpoint, one a line. kAlreadyExists for a name or file in use,
/// kNotFound where no coordinator was ever started.
Result<GivenKey> add_key(const Path& state_folder, const NewKey& wanted);

/// By name.
Result<std::vector<AllowedKey>> list_keys(const Path& state_folder);

/// Takes every key of that name off the list; returns them. kNotFound when there is none.
Result<std::vector<AllowedKey>> revoke_key(const Path& state_folder, const std::string& name);

}  // namespace tagalign::wire
