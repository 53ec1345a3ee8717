#include "coordinator/wire/zmq/socket_zmq.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/format.h"
#include "coordinator/wire/transport.h"

namespace tagalign::wire {
namespace {
constexpr std::size_t kIpcPathCharsMax = 100;  // sun_path holds 108
}

Status check_ipc_path(const Path& path) {
  const std::string text = path.string();
  if (text.size() > kIpcPathCharsMax) {
    return invalid_argument(
        format("use socket {}: the path has {} characters, expected at most {}; "
               "choose a shorter folder",
               text, text.size(), kIpcPathCharsMax));
  }
  const Path folder = path.has_parent_path() ? path.parent_path() : Path(".");
  struct stat info {};
  if (::stat(folder.c_str(), &info) != 0) {
    return errno_status(errno, format("use socket {}: look at its folder", text));
  }
  const bool others_may_enter = (info.st_mode & (S_IRWXG | S_IRWXO)) != 0;
  if (info.st_uid != ::geteuid() || others_may_enter) {
    return permission_denied(format(
        "use socket {}: folder {} has mode {:o} and owner {}, expected 700 "
        "and {}; mend it with `chmod 700 {}`",
        text, folder.string(), info.st_mode & 07777u, info.st_uid, ::geteuid(), folder.string()));
  }
  return ok_status();
}

std::string reachable_endpoint(const std::string& bound, const std::string& host) {
  for (const std::string wildcard : {"tcp://0.0.0.0:", "tcp://[::]:"}) {
    if (bound.starts_with(wildcard)) return "tcp://" + host + ":" + bound.substr(wildcard.size());
  }
  return bound;
}

std::chrono::milliseconds remaining_until(std::chrono::steady_clock::time_point deadline) {
  const auto left = deadline - std::chrono::steady_clock::now();
  return std::max(std::chrono::ceil<std::chrono::milliseconds>(left), std::chrono::milliseconds(0));
}

bool poll_interruptibly(std::span<zmq::pollitem_t> items, std::chrono::milliseconds timeout) {
  try {
    return zmq::poll(items.data(), items.size(), timeout) > 0;
  } catch (const zmq::error_t& error) {
    if (error.num() == EINTR) return false;
    throw;
  }
}

bool readable(zmq::socket_t& socket) noexcept {
  try {
    return (socket.get(zmq::sockopt::events) & ZMQ_POLLIN) != 0;
  } catch (const zmq::error_t&) {
    return true;
  }
}

void close_quietly(zmq::socket_t& socket) noexcept {
  socket.close();
}

Result<KeyPair> generate_keys() {
  char public_key[41];
  char secret_key[41];
  if (zmq_curve_keypair(public_key, secret_key) != 0) {
    return unsupported(
        "make a key pair: this libzmq was built without CURVE; install libzmq5 of Debian");
  }
  return KeyPair{public_key, secret_key};
}

}  // namespace tagalign::wire
