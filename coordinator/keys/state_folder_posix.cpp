#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <sstream>

#include "base/format.h"
#include "base/process.h"
#include "coordinator/keys/state_folder.h"

namespace tagalign::wire {
namespace {

constexpr std::uint64_t kKeyFileBytesMax = 4096;
constexpr std::size_t kZ85KeyChars = 40;

std::string trimmed(std::string text) {
  while (!text.empty() && std::string_view(" \t\r\n").find(text.back()) != std::string_view::npos) {
    text.pop_back();
  }
  return text;
}

Status make_private_folder(const Path& path) {
  TA_RETURN_IF_ERROR(posix_file_system().create_directories(path));
  if (::chmod(path.c_str(), S_IRWXU) != 0) {
    return errno_status(errno, format("make {} private", path.string()));
  }
  return ok_status();
}

/// A folder that is there may be of anybody, /tmp say, and keeps its mode.
Status make_root(const Path& root) {
  return posix_file_system().exists(root) ? ok_status() : make_private_folder(root);
}

Result<KeyPair> parse_key_pair(const Path& path, const std::string& contents) {
  std::istringstream lines(contents);
  KeyPair keys;
  std::getline(lines, keys.public_key);
  std::getline(lines, keys.secret_key);
  keys = {trimmed(keys.public_key), trimmed(keys.secret_key)};
  if (keys.public_key.size() != kZ85KeyChars || keys.secret_key.size() != kZ85KeyChars) {
    return data_loss(
        format("read key pair {}: expected two lines of {} characters, public and secret key; "
               "restore the file or remove it to have a new pair made",
               path.string(), kZ85KeyChars));
  }
  return keys;
}

Result<KeyPair> load_key_pair(const Path& path) {
  TA_RETURN_IF_ERROR(check_private_file(path));
  TA_ASSIGN_OR_RETURN(const std::string contents,
                      posix_file_system().read_file(path, kKeyFileBytesMax));
  return parse_key_pair(path, contents);
}

Result<KeyPair> load_or_make_key_pair(const Path& path) {
  if (posix_file_system().exists(path)) return load_key_pair(path);
  TA_ASSIGN_OR_RETURN(const KeyPair keys, generate_keys());
  TA_RETURN_IF_ERROR(
      write_private_file(path, format("{}\n{}\n", keys.public_key, keys.secret_key)));
  return keys;
}

std::string how_to_start(const Path& root) {
  return format(
      "start a coordinator with `tagalign coordinator start --state {}`, or choose the folder of a "
      "running one with --state",
      root.string());
}

/// One line of text; `what_makes_it` completes "no such file: …".
Result<std::string> read_line(const Path& path, std::string_view what_makes_it) {
  auto contents = posix_file_system().read_file(path, kKeyFileBytesMax);
  if (contents.ok()) return trimmed(*contents);
  if (contents.status().code() != ErrorCode::kNotFound) return contents.status();
  return not_found(format("read {}: there is no such file; {}", path.string(), what_makes_it));
}

/// Follows agent.secret, which its owner may have renewed.
Status write_agent_key(const StateFolder& state, const KeyPair& server) {
  TA_ASSIGN_OR_RETURN(const KeyPair agent, load_key_pair(state.secret("agent")));
  return write_private_file(state.agent_key(), format("{}\n{}\n{}\n", server.public_key,
                                                      agent.public_key, agent.secret_key));
}

}  // namespace

Status create_state_folder(const Path& root) {
  const StateFolder state(root);
  FileSystem& files = posix_file_system();
  TA_RETURN_IF_ERROR(make_root(root).with_context("create state folder"));
  TA_RETURN_IF_ERROR(make_private_folder(state.keys()));
  TA_RETURN_IF_ERROR(make_private_folder(state.allowed()));
  TA_ASSIGN_OR_RETURN(const KeyPair server, load_or_make_key_pair(state.secret("server")));
  TA_RETURN_IF_ERROR(files.write_durable(state.server_public(), server.public_key + "\n"));
  const std::pair<const char*, const char*> peers[] = {{"client", "default.admin"},
                                                       {"agent", "local.agent"}};
  for (const auto& [name, allowed] : peers) {
    const bool is_new = !files.exists(state.secret(name));
    TA_ASSIGN_OR_RETURN(const KeyPair keys, load_or_make_key_pair(state.secret(name)));
    // A public key that its owner took off the list stays off.
    if (is_new) {
      TA_RETURN_IF_ERROR(files.write_durable(state.allowed() / allowed, keys.public_key + "\n"));
    }
  }
  return write_agent_key(state, server);
}

Result<KeyPair> load_server_credentials(const Path& root) {
  const Path path = StateFolder(root).secret("server");
  if (!posix_file_system().exists(path)) {
    return not_found(
        format("read {}: there is no such file; `tagalign coordinator start --state {}` "
               "makes it",
               path.string(), root.string()));
  }
  return load_key_pair(path);
}

Result<CoordinatorDoor> read_door(const Path& root) {
  const StateFolder state(root);
  const std::string start = how_to_start(root);
  CoordinatorDoor door;
  TA_ASSIGN_OR_RETURN(door.endpoint, read_line(state.endpoint(), start));
  TA_ASSIGN_OR_RETURN(door.server_public_key, read_line(state.server_public(), start));
  return door;
}

Result<CurveClientOptions> load_client_credentials(const Path& root, PeerRole role) {
  const StateFolder state(root);
  TA_ASSIGN_OR_RETURN(const CoordinatorDoor door, read_door(root));
  CurveClientOptions options{
      .endpoint = door.endpoint, .server_public_key = door.server_public_key, .role = role};
  const Path secret = state.secret(role == PeerRole::kAgent ? "agent" : "client");
  if (!posix_file_system().exists(secret)) {
    return not_found(
        format("read {}: there is no such file; {}", secret.string(), how_to_start(root)));
  }
  TA_ASSIGN_OR_RETURN(options.keys, load_key_pair(secret));
  return options;
}

Result<CurveClientOptions> load_key_file(const Path& file, const std::string& endpoint,
                                         PeerRole role) {
  TA_RETURN_IF_ERROR(check_private_file(file));
  TA_ASSIGN_OR_RETURN(const std::string contents,
                      posix_file_system().read_file(file, kKeyFileBytesMax));
  std::array<std::string, 4> lines;
  std::istringstream text(contents);
  for (std::string& line : lines) {
    std::getline(text, line);
    line = trimmed(line);
  }
  const auto is_key = [](const std::string& line) { return line.size() == kZ85KeyChars; };
  if (!std::all_of(lines.begin(), lines.begin() + 3, is_key)) {
    return data_loss(
        format("read key {}: expected three lines of {} characters; take a file that `tagalign key "
               "add` made, or for an agent keys/agent.key of the coordinator's state folder",
               file.string(), kZ85KeyChars));
  }
  CurveClientOptions options{.endpoint = endpoint.empty() ? lines[3] : endpoint,
                             .server_public_key = lines[0],
                             .keys = {lines[1], lines[2]},
                             .role = role};
  if (!options.endpoint.empty()) return options;
  return invalid_argument(
      format("use key {}: it does not say where the coordinator is; add --connect "
             "tcp://ADDRESS:PORT",
             file.string()));
}

Status write_pid_file(const Path& path, pid_t pid) {
  const auto ticks = process_start_ticks(pid);
  if (!ticks) return not_found(format("write {}: there is no process {}", path.string(), pid));
  return posix_file_system().write_durable(path, format("{} {}\n", pid, *ticks));
}

std::optional<ProcessIdentity> read_live_process(const Path& path) {
  const auto contents = posix_file_system().read_file(path, kKeyFileBytesMax);
  if (!contents.ok()) return std::nullopt;
  ProcessIdentity identity;
  std::istringstream words(*contents);
  if (!(words >> identity.pid >> identity.start_ticks)) return std::nullopt;
  if (process_start_ticks(identity.pid) != identity.start_ticks) return std::nullopt;
  return identity;
}

}  // namespace tagalign::wire
