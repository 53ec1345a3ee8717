#include "coordinator/wire/zmq/gate_posix.h"

#include <fcntl.h>
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
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "coordinator/wire/zmq/gate_link_posix.h"
#include "coordinator/wire/zmq/gate_porch_posix.h"
#include "coordinator/wire/zmq/gate_sockets_posix.h"

namespace tagalign::wire {
namespace {

constexpr int kSoonMs = 10;    // somebody waits for an allowance
constexpr int kWhileMs = 250;  // somebody may run out of time
constexpr auto kLastWords = std::chrono::milliseconds(250);

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
        news_(endpoint_) {
    watch(wake_, EPOLLIN, EPOLL_CTL_ADD);
    thread_ = std::thread([this] { serve(); });
    porch_.emplace(listener_, limits_,
                   Porch::Door{.has_room = [this] { return inside_ < limits_.connections_max; },
                               .let_in = [this](Guest guest) { let_in(std::move(guest)); }});
  }
  ~GateThread() override {
    porch_.reset();
    stopping_ = true;
    wake();
    thread_.join();
    links_.clear();
    for (const Guest& guest : guests_) ::close(guest.fd);
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
  void wake() {
    const std::uint64_t one = 1;
    (void)!::write(wake_, &one, sizeof one);
  }
  void let_in(Guest guest);
  void admit_guests(GateInstant now);
  void admit(Guest guest, GateInstant now);
  void make_room_for_a_stranger();
  void tick(GateInstant now);
  void go_on(std::uint64_t number, GateInstant now);
  void drop(std::uint64_t number);
  void watch(int fd, std::uint32_t events, int operation) {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    ::epoll_ctl(epoll_, operation, fd, &event);
  }

  const GateLimits limits_;
  const std::string inner_;
  const int listener_;
  const int epoll_;
  const int wake_;
  const std::string endpoint_;
  std::atomic<bool> stopping_ = false;
  StrangerNews news_;
  std::mutex guests_mutex_;
  std::vector<Guest> guests_;            ///< from the porch
  std::atomic<std::size_t> inside_ = 0;  ///< with those
  std::uint64_t next_ = 1;
  std::map<std::uint64_t, Entry> links_;          ///< by age
  std::unordered_map<int, std::uint64_t> by_fd_;  ///< both descriptors of each
  std::map<std::uint64_t, GateLink*> strangers_;  ///< oldest first
  std::map<std::uint64_t, GateLink*> restless_;
  std::thread thread_;
  std::optional<Porch> porch_;
};

void GateThread::serve() {
  std::array<epoll_event, 256> events{};
  std::optional<GateInstant> last;
  while (true) {
    const int count = ::epoll_wait(epoll_, events.data(), events.size(), patience());
    const GateInstant now = std::chrono::steady_clock::now();
    bool woken = false;
    for (const epoll_event& event :
         std::span(events).first(static_cast<std::size_t>(std::max(count, 0)))) {
      if (event.data.fd == wake_)
        woken = true;
      else
        take_event(event, now);
    }
    tick(now);
    // Last, so that no descriptor of this round is given to another connection within it.
    if (woken && !stopping_) admit_guests(now);
    if (!stopping_) continue;
    if (!last) {
      last = now + kLastWords;
      watch(wake_, 0, EPOLL_CTL_MOD);
    }
    if (links_.empty() || now > *last) return;
  }
}

int GateThread::patience() const {
  if (stopping_) return kSoonMs;
  for (const auto& [number, link] : restless_) {
    if (link->throttled()) return kSoonMs;
  }
  return restless_.empty() && strangers_.empty() ? -1 : kWhileMs;
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
  while (!strangers_.empty() && strangers_.begin()->second->expired(now))
    drop(strangers_.begin()->first);
}

/// Of the porch's thread.
void GateThread::let_in(Guest guest) {
  const std::lock_guard lock(guests_mutex_);
  guests_.push_back(std::move(guest));
  ++inside_;
  wake();
}

void GateThread::admit_guests(GateInstant now) {
  std::vector<Guest> guests;
  {
    const std::lock_guard lock(guests_mutex_);
    std::uint64_t times = 0;
    (void)!::read(wake_, &times, sizeof times);
    guests.swap(guests_);
  }
  for (Guest& guest : guests) admit(std::move(guest), now);
}

void GateThread::admit(Guest guest, GateInstant now) {
  make_room_for_a_stranger();
  const int inner = connect_inside(inner_);
  if (inner < 0) {
    ::close(guest.fd);
    --inside_;
    return;
  }
  const int outer = guest.fd;
  const std::uint64_t number = next_++;
  Entry& entry = links_[number];
  entry.link = std::make_unique<GateLink>(std::move(guest), inner, limits_, now);
  entry.outer_events = entry.inner_events = EPOLLIN;
  by_fd_[outer] = by_fd_[inner] = number;
  watch(outer, EPOLLIN, EPOLL_CTL_ADD);
  watch(inner, EPOLLIN, EPOLL_CTL_ADD);
  strangers_[number] = entry.link.get();
  go_on(number, now);
}

void GateThread::make_room_for_a_stranger() {
  if (strangers_.size() >= limits_.strangers_max) drop(strangers_.begin()->first);
}

void GateThread::drop(std::uint64_t number) {
  const auto found = links_.find(number);
  if (found->second.link->stranger())
    news_.tell(found->second.link->outer(), std::chrono::steady_clock::now());
  by_fd_.erase(found->second.link->outer());
  by_fd_.erase(found->second.link->inner());
  strangers_.erase(number);
  restless_.erase(number);
  links_.erase(found);
  --inside_;
}

}  // namespace

std::size_t connections_that_fit() {
  constexpr rlim_t kOthers = 256;
  constexpr rlim_t kEach = 4;  // two of the gate, one of libzmq, and a visitor
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
