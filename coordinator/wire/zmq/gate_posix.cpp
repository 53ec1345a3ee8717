#include "coordinator/wire/zmq/gate_posix.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <map>
#include <optional>
#include <span>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/file_system.h"
#include "base/format.h"
#include "base/log.h"
#include "coordinator/wire/zmq/gate_link_posix.h"

namespace tagalign::wire {
namespace {

constexpr int kBacklog = 512;
constexpr int kSoonMs = 10;    // somebody waits for an allowance
constexpr int kWhileMs = 250;  // somebody may run out of time
constexpr auto kLastWords = std::chrono::milliseconds(250);

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

/// Bound and listening.
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
  if (::bind(fd, found->ai_addr, found->ai_addrlen) == 0 && ::listen(fd, kBacklog) == 0) return fd;
  const int why = errno;
  ::close(fd);
  if (why != EADDRINUSE) return errno_status(why, "listen on " + endpoint);
  return already_exists(
      format("listen on {}: port {} is in use by another program; stop it, or choose another port "
             "with --listen tcp://ADDRESS:PORT",
             endpoint, address.port));
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

/// A connection to the abstract Unix socket; -1 when libzmq does not take it now.
int connect_inside(const std::string& name) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path + 1, name.data(), name.size());
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), length) == 0) return fd;
  ::close(fd);
  return -1;
}

class GateThread final : public Gate {
 public:
  GateThread(int listener, std::string inner, const GateLimits& limits)
      : limits_(limits),
        inner_(std::move(inner)),
        listener_(listener),
        epoll_(::epoll_create1(EPOLL_CLOEXEC)),
        wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        endpoint_(endpoint_of(listener)),
        accepts_(limits.accepts_per_s, limits.accepts_burst, std::chrono::steady_clock::now()) {
    watch(wake_, EPOLLIN, EPOLL_CTL_ADD);
    watch(listener_, EPOLLIN, EPOLL_CTL_ADD);
    thread_ = std::thread([this] { serve(); });
  }
  ~GateThread() override {
    stopping_ = true;
    const std::uint64_t one = 1;
    (void)!::write(wake_, &one, sizeof one);
    thread_.join();
    links_.clear();
    for (const int fd : {listener_, epoll_, wake_}) ::close(fd);
  }
  std::string endpoint() const override { return endpoint_; }

 private:
  struct Entry {
    std::unique_ptr<GateLink> link;
    std::uint32_t outer_events = 0;
    std::uint32_t inner_events = 0;
    bool inner_watched = true;
  };

  void serve();
  int patience() const;
  void take_event(const epoll_event& event, GateInstant now);
  void accept_some(GateInstant now);
  void admit(int outer, GateInstant now);
  void make_room_for_a_stranger();
  void tick(GateInstant now);
  void go_on(std::uint64_t number, GateInstant now);
  void drop(std::uint64_t number);
  void tell_of_a_stranger(int outer, GateInstant now);
  void watch(int fd, std::uint32_t events, int operation) {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    ::epoll_ctl(epoll_, operation, fd, &event);
  }
  void listen_again(bool on) {
    if (std::exchange(listening_, on) != on) watch(listener_, on ? EPOLLIN : 0u, EPOLL_CTL_MOD);
  }

  const GateLimits limits_;
  const std::string inner_;
  const int listener_;
  const int epoll_;
  const int wake_;
  const std::string endpoint_;
  std::atomic<bool> stopping_ = false;
  Allowance accepts_;
  bool listening_ = true;
  std::optional<GateInstant> told_at_;
  std::uint64_t next_ = 1;
  std::map<std::uint64_t, Entry> links_;          ///< by age
  std::unordered_map<int, std::uint64_t> by_fd_;  ///< both descriptors of each
  std::map<std::uint64_t, GateLink*> strangers_;  ///< oldest first
  std::map<std::uint64_t, GateLink*> restless_;
  std::thread thread_;
};

void GateThread::serve() {
  std::array<epoll_event, 256> events{};
  std::optional<GateInstant> last;
  while (true) {
    const int count = ::epoll_wait(epoll_, events.data(), events.size(), patience());
    const GateInstant now = std::chrono::steady_clock::now();
    bool knocks = false;
    for (const epoll_event& event :
         std::span(events).first(static_cast<std::size_t>(std::max(count, 0)))) {
      if (event.data.fd == listener_)
        knocks = true;
      else if (event.data.fd != wake_)
        take_event(event, now);
    }
    tick(now);
    // Last, so that no descriptor of this round is given to another connection within it.
    if (knocks && !stopping_) accept_some(now);
    if (!stopping_) continue;
    if (!last) {
      last = now + kLastWords;
      watch(wake_, 0, EPOLL_CTL_MOD);
      listen_again(false);
    }
    if (links_.empty() || now > *last) return;
  }
}

int GateThread::patience() const {
  if (stopping_ || !listening_) return kSoonMs;
  for (const auto& [number, link] : restless_) {
    if (link->throttled()) return kSoonMs;
  }
  return restless_.empty() ? -1 : kWhileMs;
}

void GateThread::take_event(const epoll_event& event, GateInstant now) {
  const auto found = by_fd_.find(event.data.fd);
  if (found == by_fd_.end()) return;
  const std::uint64_t number = found->second;
  Entry& entry = links_.at(number);
  if ((event.events & (EPOLLHUP | EPOLLERR)) != 0) {
    if (event.data.fd == entry.link->outer()) return drop(number);
    if (std::exchange(entry.inner_watched, false)) {
      ::epoll_ctl(epoll_, EPOLL_CTL_DEL, entry.link->inner(), nullptr);
    }
    entry.link->note_inner_hung_up();
  }
  go_on(number, now);
}

/// Moves bytes, then listens for what the link waits for.
void GateThread::go_on(std::uint64_t number, GateInstant now) {
  Entry& entry = links_.at(number);
  GateLink& link = *entry.link;
  if (!link.move(now)) return drop(number);
  const std::uint32_t outer = link.outer_events(now);
  if (std::exchange(entry.outer_events, outer) != outer) watch(link.outer(), outer, EPOLL_CTL_MOD);
  const std::uint32_t inner = link.inner_events();
  if (entry.inner_watched && std::exchange(entry.inner_events, inner) != inner)
    watch(link.inner(), inner, EPOLL_CTL_MOD);
  if (!link.stranger()) strangers_.erase(number);
  if (link.restless())
    restless_[number] = &link;
  else
    restless_.erase(number);
}

void GateThread::tick(GateInstant now) {
  std::vector<std::uint64_t> due;
  for (const auto& [number, link] : restless_) {
    if (link->throttled() || link->expired(now)) due.push_back(number);
  }
  for (const std::uint64_t number : due) go_on(number, now);
  if (!stopping_ && links_.size() < limits_.connections_max && accepts_.any(now))
    listen_again(true);
}

void GateThread::accept_some(GateInstant now) {
  while (links_.size() < limits_.connections_max && accepts_.any(now)) {
    const int outer = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (outer >= 0) {
      accepts_.spend(1);
      admit(outer, now);
      continue;
    }
    if (errno == EAGAIN) return;
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) break;
  }
  listen_again(false);  // until the next tick that allows one
}

void GateThread::admit(int outer, GateInstant now) {
  make_room_for_a_stranger();
  const int inner = connect_inside(inner_);
  if (inner < 0) {
    ::close(outer);
    return;
  }
  const int yes = 1;
  ::setsockopt(outer, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  const std::uint64_t number = next_++;
  Entry& entry = links_[number];
  entry.link = std::make_unique<GateLink>(outer, inner, limits_, now);
  entry.outer_events = entry.inner_events = EPOLLIN;
  by_fd_[outer] = by_fd_[inner] = number;
  watch(outer, EPOLLIN, EPOLL_CTL_ADD);
  watch(inner, EPOLLIN, EPOLL_CTL_ADD);
  strangers_[number] = restless_[number] = entry.link.get();
}

void GateThread::make_room_for_a_stranger() {
  if (strangers_.size() >= limits_.strangers_max) drop(strangers_.begin()->first);
}

/// The server knows the key and not the address; strangers shall not fill the log.
void GateThread::tell_of_a_stranger(int outer, GateInstant now) {
  constexpr std::chrono::seconds kEvery(1);
  if (told_at_ && now - *told_at_ < kEvery) return;
  told_at_ = now;
  log_warning("a connection from {} to {} ended before a key of it was accepted", peer_of(outer),
              endpoint_);
}

void GateThread::drop(std::uint64_t number) {
  const auto found = links_.find(number);
  if (found->second.link->stranger())
    tell_of_a_stranger(found->second.link->outer(), std::chrono::steady_clock::now());
  by_fd_.erase(found->second.link->outer());
  by_fd_.erase(found->second.link->inner());
  strangers_.erase(number);
  restless_.erase(number);
  links_.erase(found);
}

}  // namespace

std::size_t connections_that_fit() {
  constexpr rlim_t kOthers = 256;
  constexpr rlim_t kEach = 3;  // two of the gate and one of libzmq
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur <= kOthers + kEach) return 1;
  return static_cast<std::size_t>((files.rlim_cur - kOthers) / kEach);
}

Result<std::unique_ptr<Gate>> Gate::open(const std::string& endpoint, const std::string& inner,
                                         const GateLimits& limits) {
  TA_ASSIGN_OR_RETURN(const int listener, listen_at(endpoint));
  return std::unique_ptr<Gate>(std::make_unique<GateThread>(listener, inner, limits));
}

}  // namespace tagalign::wire
