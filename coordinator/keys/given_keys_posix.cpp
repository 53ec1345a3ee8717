#include <algorithm>
#include <cctype>

#include "base/format.h"
#include "coordinator/keys/given_keys.h"
#include "coordinator/keys/state_folder.h"

namespace tagalign::wire {
namespace {

Status check_name(const std::string& name) {
  const bool legal = std::ranges::all_of(name, [](unsigned char letter) {
    return std::isalnum(letter) != 0 || letter == '-' || letter == '_';
  });
  if (legal && !name.empty() && name.size() <= kKeyNameCharsMax) return ok_status();
  return invalid_argument(
      format("add a key: expected a name of 1 to {} letters, digits, '-' and '_', found '{}'",
             kKeyNameCharsMax, name));
}

Status check_free(const StateFolder& state, const NewKey& wanted) {
  TA_ASSIGN_OR_RETURN(const auto keys, list_keys(state.root()));
  for (const AllowedKey& key : keys) {
    if (key.name != wanted.name) continue;
    return already_exists(
        format("add key '{}': there is one, for {}; choose another name, or take it back with "
               "`tagalign key revoke {}`",
               wanted.name, key_role_name(key.role), wanted.name));
  }
  if (!posix_file_system().exists(wanted.file)) return ok_status();
  return already_exists(format("add key '{}': {} exists; name another file with --file",
                               wanted.name, wanted.file.string()));
}

}  // namespace

Result<GivenKey> add_key(const Path& state_folder, const NewKey& wanted) {
  TA_RETURN_IF_ERROR(check_name(wanted.name));
  const StateFolder state(state_folder);
  TA_ASSIGN_OR_RETURN(const CoordinatorDoor door, read_door(state_folder));
  TA_RETURN_IF_ERROR(check_free(state, wanted));
  TA_ASSIGN_OR_RETURN(const KeyPair keys, generate_keys());
  TA_RETURN_IF_ERROR(
      write_private_file(wanted.file, format("{}\n{}\n{}\n{}\n", door.server_public_key,
                                             keys.public_key, keys.secret_key, door.endpoint)));
  GivenKey given{{.name = wanted.name,
                  .role = wanted.role,
                  .public_key = keys.public_key,
                  .file = format("{}.{}", wanted.name, key_role_name(wanted.role))},
                 door.endpoint};
  const Status listed =
      posix_file_system().write_durable(state.allowed() / given.key.file, keys.public_key + "\n");
  if (listed.ok()) return given;
  (void)posix_file_system().remove_all(wanted.file);  // it opens nothing
  return listed;
}

Result<std::vector<AllowedKey>> list_keys(const Path& state_folder) {
  const StateFolder state(state_folder);
  if (!posix_file_system().exists(state.allowed())) {
    return not_found(
        format("read the keys of {}: no coordinator was ever started there; start one with "
               "`tagalign coordinator start --state {}`, or choose its folder with --state",
               state_folder.string(), state_folder.string()));
  }
  return read_allowed_keys(posix_file_system(), state.allowed());
}

Result<std::vector<AllowedKey>> revoke_key(const Path& state_folder, const std::string& name) {
  TA_ASSIGN_OR_RETURN(auto keys, list_keys(state_folder));
  std::erase_if(keys, [&](const AllowedKey& key) { return key.name != name; });
  if (keys.empty()) {
    return not_found(format(
        "revoke key '{}': there is none of that name; `tagalign key list` shows them", name));
  }
  const Path allowed = StateFolder(state_folder).allowed();
  for (const AllowedKey& key : keys) {
    TA_RETURN_IF_ERROR(posix_file_system().remove_all(allowed / key.file));
  }
  TA_RETURN_IF_ERROR(posix_file_system().sync_directory(allowed));
  return keys;
}

}  // namespace tagalign::wire
