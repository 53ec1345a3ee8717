#include "coordinator/wire/zmq/gate_sockets_posix.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>

#include "base/file_system.h"
#include "base/format.h"
#include "base/log.h"

namespace tagalign::wire {
namespace {

constexpr int kBacklog = 1'024;
constexpr int kSilentS = 5;

struct Address {
  std::string host;
  std::string port;
};

Result<Address> parse(const std::string& endpoint) {
  const auto colon = endpoint.rfind(':');
  if (!endpoint.starts_with("tcp://") || colon < 6) {
    return invalid_argument(
        format("listen on {}: expected tcp://ADDRESS:PORT, where PORT may be *", endpoint));
  }
  Address address{endpoint.substr(6, colon - 6), endpoint.substr(colon + 1)};
  if (address.host == "*") address.host = "0.0.0.0";
  if (address.host.starts_with('[') && address.host.ends_with(']'))
    address.host = address.host.substr(1, address.host.size() - 2);
  if (address.port == "*") address.port = "0";
  return address;
}

std::string text_of(const sockaddr_storage& address, socklen_t length) {
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> port{};
  const int error =
      ::getnameinfo(reinterpret_cast<const sockaddr*>(&address), length, host.data(), host.size(),
                    port.data(), port.size(), NI_NUMERICHOST | NI_NUMERICSERV);
  if (error != 0) return "an unknown address";
  return address.ss_family == AF_INET6 ? format("tcp://[{}]:{}", host.data(), port.data())
                                       : format("tcp://{}:{}", host.data(), port.data());
}

}  // namespace

Result<int> listen_at(const std::string& endpoint) {
  TA_ASSIGN_OR_RETURN(const Address address, parse(endpoint));
  addrinfo hints{};
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(address.host.c_str(), address.port.c_str(), &hints, &found);
  if (error != 0) {
    return invalid_argument(
        format("listen on {}: {}; expected tcp://ADDRESS:PORT", endpoint, ::gai_strerror(error)));
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, ::freeaddrinfo);
  const int fd = ::socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return errno_status(errno, "listen on " + endpoint);
  const int yes = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  // Whoever says nothing stays with the kernel, as far as that has room for them.
  ::setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &kSilentS, sizeof kSilentS);
  if (::bind(fd, found->ai_addr, found->ai_addrlen) == 0 && ::listen(fd, kBacklog) == 0) return fd;
  const int why = errno;
  ::close(fd);
  if (why != EADDRINUSE) return errno_status(why, "listen on " + endpoint);
  return already_exists(
      format("listen on {}: port {} is in use by another program; stop it, or choose another port "
             "with --listen tcp://ADDRESS:PORT",
             endpoint, address.port));
}

std::string endpoint_of(int fd) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length);
  return text_of(address, length);
}

std::string peer_of(int fd) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) return "a peer";
  return text_of(address, length);
}

void StrangerNews::tell(int fd, std::chrono::steady_clock::time_point now) {
  constexpr std::chrono::seconds kEvery(1);
  if (told_at_ && now - *told_at_ < kEvery) {
    ++silent_;
    return;
  }
  log_warning("a connection from {} to {} ended before a key of it was accepted{}", peer_of(fd),
              endpoint_, silent_ == 0 ? "" : format("; {} more before it", silent_));
  told_at_ = now;
  silent_ = 0;
}

}  // namespace tagalign::wire
