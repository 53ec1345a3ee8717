#include "coordinator/wire/zmq/gate_porch_posix.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>
#include <span>
#include <utility>

#include "coordinator/wire/zmq/zmtp_hello.h"

namespace tagalign::wire {
namespace {

constexpr std::uint64_t kListener = 0;
constexpr std::uint64_t kWake = 1;
constexpr int kSoonMs = 4;
constexpr int kAcceptsPerTurn = 64;
/// Below all else here, but not so low that nobody gets in at a machine whose cores are busy.
constexpr int kNice = 10;

std::string host_of(const sockaddr_storage& address) {
  const auto bytes = [](const auto& host) {
    return std::string(reinterpret_cast<const char*>(&host), sizeof host);
  };
  if (address.ss_family == AF_INET6)
    return bytes(reinterpret_cast<const sockaddr_in6&>(address).sin6_addr);
  return bytes(reinterpret_cast<const sockaddr_in&>(address).sin_addr);
}

/// Nothing of it stays with the kernel, as it else does for a minute.
void close_at_once(int fd) {
  const linger now{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  ::close(fd);
}

}  // namespace

Porch::Porch(int listener, const GateLimits& limits, Door door)
    : limits_(limits),
      door_(std::move(door)),
      listener_(listener),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      news_(endpoint_of(listener)),
      accepts_(limits.accepts_per_s, limits.accepts_burst, std::chrono::steady_clock::now()),
      opens_(limits.opens_per_s, limits.opens_burst, std::chrono::steady_clock::now()) {
  watch(wake_, EPOLLIN, EPOLL_CTL_ADD, kWake);
  watch(listener_, EPOLLIN, EPOLL_CTL_ADD, kListener);
  thread_ = std::thread([this] { serve(); });
}

Porch::~Porch() {
  stopping_ = true;
  const std::uint64_t one = 1;
  (void)!::write(wake_, &one, sizeof one);
  thread_.join();
  for (const auto& [number, visitor] : visitors_) close_at_once(visitor.fd);
  ::close(epoll_);
  ::close(wake_);
}

void Porch::serve() {
  // Of this thread alone.
  (void)::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNice);
  std::array<epoll_event, 64> events{};
  while (!stopping_) {
    const int wait = patience(std::chrono::steady_clock::now());
    const int count = ::epoll_wait(epoll_, events.data(), events.size(), wait);
    const GateInstant now = std::chrono::steady_clock::now();
    bool knocks = false;
    for (const epoll_event& event :
         std::span(events).first(static_cast<std::size_t>(std::max(count, 0)))) {
      knocks = knocks || event.data.u64 == kListener;
      const auto found = visitors_.find(event.data.u64);
      if (found == visitors_.end()) continue;
      const bool gone = (event.events & (EPOLLHUP | EPOLLERR | EPOLLRDHUP)) != 0;
      if (gone || !hear(found->second)) turn_away(found->first, now);
    }
    while (!visitors_.empty() && now - visitors_.begin()->second.born > limits_.handshake_ms_max)
      turn_away(visitors_.begin()->first, now);
    if (!listening_ && accepts_.any(now)) listen_again(true);
    if (knocks) accept_some(now);
    let_in_some(now);
  }
}

int Porch::patience(GateInstant now) const {
  if (!ready_.empty() || !listening_) return kSoonMs;
  if (visitors_.empty()) return -1;
  const auto left = visitors_.begin()->second.born + limits_.handshake_ms_max - now;
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
  return static_cast<int>(std::max<decltype(ms)>(ms, 0)) + 1;
}

// ---------------------------------------------------------------- coming

void Porch::accept_some(GateInstant now) {
  for (int taken = 0; taken < kAcceptsPerTurn; ++taken) {
    sockaddr_storage address{};
    socklen_t length = sizeof address;
    if (!accepts_.any(now)) return listen_again(false);
    const int fd = ::accept4(listener_, reinterpret_cast<sockaddr*>(&address), &length,
                             SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      accepts_.spend(1);
      admit(fd, host_of(address), now);
    } else if (errno == EAGAIN) {
      return;
    } else if (errno != EINTR && errno != ECONNABORTED) {
      return listen_again(false);  // no descriptor is left, or no memory
    }
  }
}

void Porch::admit(int fd, std::string address, GateInstant now) {
  make_room(now);
  const int yes = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  const std::uint64_t number = next_++;
  Visitor& visitor = visitors_[number];
  visitor.fd = fd;
  visitor.number = number;
  visitor.address = std::move(address);
  visitor.born = now;
  by_address_[visitor.address].insert(number);
  watch(fd, EPOLLIN | EPOLLRDHUP, EPOLL_CTL_ADD, number);
}

void Porch::make_room(GateInstant now) {
  if (visitors_.size() < limits_.visitors_max) return;
  const auto crowd = std::ranges::max_element(
      by_address_, {}, [](const auto& entry) { return entry.second.size(); });
  turn_away(*crowd->second.begin(), now);
}

void Porch::watch(int fd, std::uint32_t events, int operation, std::uint64_t number) const {
  epoll_event event{};
  event.events = events;
  event.data.u64 = number;
  ::epoll_ctl(epoll_, operation, fd, &event);
}

void Porch::listen_again(bool on) {
  if (std::exchange(listening_, on) != on)
    watch(listener_, on ? EPOLLIN : 0u, EPOLL_CTL_MOD, kListener);
}

// ---------------------------------------------------------------- speaking

/// False when it has ended, or says what no client of ours says.
bool Porch::hear(Visitor& visitor) {
  std::array<char, kZmtpGreetingBytes + kZmtpHelloBytes> bytes;
  // Never more than a beginning: what comes behind it is for the inside.
  const std::span into = std::span(bytes).first(bytes.size() - visitor.said.size());
  const ssize_t count = ::recv(visitor.fd, into.data(), into.size(), 0);
  if (count < 0) return errno == EAGAIN || errno == EINTR;
  if (count == 0) return false;
  visitor.said.append(into.data(), static_cast<std::size_t>(count));
  const Beginning beginning = judge_beginning(visitor.said);
  if (beginning == Beginning::kForeign) return false;
  if (!std::exchange(visitor.greeted, true)) {
    const std::string& greeting = server_greeting();
    if (::send(visitor.fd, greeting.data(), greeting.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(greeting.size())) {
      return false;
    }
  }
  if (beginning == Beginning::kWhole) {
    ready_[visitor.address].insert(visitor.number);
    watch(visitor.fd, EPOLLRDHUP, EPOLL_CTL_MOD, visitor.number);
  }
  return true;
}

// ---------------------------------------------------------------- leaving

void Porch::let_in_some(GateInstant now) {
  while (!ready_.empty() && opens_.any(now) && door_.has_room()) {
    auto next = ready_.upper_bound(last_address_);
    if (next == ready_.end()) next = ready_.begin();
    last_address_ = next->first;
    Visitor visitor = take(*next->second.rbegin());
    opens_.spend(1);
    ::epoll_ctl(epoll_, EPOLL_CTL_DEL, visitor.fd, nullptr);
    door_.let_in({visitor.fd, std::move(visitor.said)});
  }
}

Porch::Visitor Porch::take(std::uint64_t number) {
  const auto found = visitors_.find(number);
  Visitor visitor = std::move(found->second);
  const auto forget = [&](auto& lists) {
    const auto list = lists.find(visitor.address);
    if (list != lists.end() && list->second.erase(number) == 1 && list->second.empty())
      lists.erase(list);
  };
  forget(by_address_);
  forget(ready_);
  visitors_.erase(found);
  return visitor;
}

void Porch::turn_away(std::uint64_t number, GateInstant now) {
  const Visitor visitor = take(number);
  news_.tell(visitor.fd, now);
  close_at_once(visitor.fd);
}

}  // namespace tagalign::wire
