#include <sys/stat.h>

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

/// One line of text; `what_makes_it` completes "no such file: …".
Result<std::string> read_line(const Path& path, std::string_view what_makes_it) {
  auto contents = posix_file_system().read_file(path, kKeyFileBytesMax);
  if (contents.ok()) return trimmed(*contents);
  if (contents.status().code() != ErrorCode::kNotFound) return contents.status();
  return not_found(format("read {}: there is no such file; {}", path.string(), what_makes_it));
}

}  // namespace

namespace {

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
  const std::pair<const char*, const char*> peers[] = {{"client", "default.client"},
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

Result<CurveClientOptions> load_client_credentials(const Path& root, PeerRole role) {
  const StateFolder state(root);
  const std::string start = format(
      "start a coordinator with `tagalign coordinator start --state {}`, or choose the folder "
      "of a running one with --state",
      root.string());
  CurveClientOptions options;
  TA_ASSIGN_OR_RETURN(options.endpoint, read_line(state.endpoint(), start));
  TA_ASSIGN_OR_RETURN(options.server_public_key, read_line(state.server_public(), start));
  const Path secret = state.secret(role == PeerRole::kAgent ? "agent" : "client");
  if (!posix_file_system().exists(secret)) {
    return not_found(format("read {}: there is no such file; {}", secret.string(), start));
  }
  TA_ASSIGN_OR_RETURN(options.keys, load_key_pair(secret));
  options.role = role;
  return options;
}

Result<CurveClientOptions> load_agent_key(const Path& file, const std::string& endpoint) {
  TA_RETURN_IF_ERROR(check_private_file(file));
  TA_ASSIGN_OR_RETURN(const std::string contents,
                      posix_file_system().read_file(file, kKeyFileBytesMax));
  const std::size_t line = contents.find('\n');
  CurveClientOptions options{.endpoint = endpoint, .role = PeerRole::kAgent};
  options.server_public_key = trimmed(contents.substr(0, line));
  if (line == std::string::npos || options.server_public_key.size() != kZ85KeyChars) {
    return data_loss(
        format("read agent key {}: expected three lines of {} characters; copy keys/agent.key from "
               "the coordinator's state folder",
               file.string(), kZ85KeyChars));
  }
  TA_ASSIGN_OR_RETURN(options.keys, parse_key_pair(file, contents.substr(line + 1)));
  return options;
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
