#include "coordinator/wire/zmq/gate_link_posix.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <span>
#include <utility>

#include "base/log.h"
#include "coordinator/wire/zmq/zmtp_hello.h"

namespace tagalign::wire {
namespace {

/// One chunk to read into, for all links of the thread.
std::span<char> scratch() {
  thread_local std::array<char, kGateChunk> bytes;
  return bytes;
}

/// Bytes, 0 at the end, -1 when there are none now.
ssize_t read_some(int fd, std::span<char> into) {
  const ssize_t count = ::recv(fd, into.data(), into.size(), 0);
  if (count >= 0) return count;
  return errno == EAGAIN || errno == EINTR ? -1 : 0;
}

}  // namespace

GateLink::GateLink(Guest guest, int inner, const GateLimits& limits, GateInstant now)
    : limits_(limits),
      frames_(limits.frames_per_s, limits.frames_burst, now),
      bytes_(limits.bytes_per_s, limits.bytes_burst, now),
      born_(now),
      taken_at_(now) {
  outer_.fd = guest.fd;
  inner_.fd = inner;
  stranger_bytes_ = guest.said.size();
  asked_.pass(guest.said);
  inner_.pending = std::move(guest.said);
}

GateLink::~GateLink() {
  ::close(outer_.fd);
  ::close(inner_.fd);
}

bool GateLink::move(GateInstant now) {
  if (expired(now) || !give(outer_) || !give(inner_)) return false;
  if (outer_.pending.empty()) taken_at_ = now;
  if (may_read_outer(now) && !take_outer()) return false;
  // Nobody tells again of an end that hung up: it is read to the last.
  do {
    if (!outer_.pending.empty() || inner_.ended) break;
    if (!take_inner()) return false;
  } while (inner_hung_up_);
  // What one side said last still reaches the other.
  if (outer_.ended && inner_.pending.empty()) return false;
  return !(inner_.ended && outer_.pending.empty());
}

bool GateLink::expired(GateInstant now) const {
  if (stranger_ && now - born_ > limits_.handshake_ms_max) return true;
  return !outer_.pending.empty() && now - taken_at_ > limits_.unread_ms_max;
}

/// Nothing is taken from a peer that does not take what it asked for, nor beyond its share.
bool GateLink::may_read_outer(GateInstant now) {
  throttled_ = false;
  if (outer_.ended || !inner_.pending.empty() || !outer_.pending.empty()) return false;
  throttled_ = !frames_.any(now) || !bytes_.any(now);
  return !throttled_;
}

bool GateLink::take_outer() {
  const auto buffer = stranger_ ? scratch().first(limits_.stranger_bytes_max) : scratch();
  const ssize_t count = read_some(outer_.fd, buffer);
  if (count < 0) return true;
  outer_.ended = count == 0;
  const std::string_view bytes(buffer.data(), static_cast<std::size_t>(count));
  if (!judge(asked_.pass(bytes), bytes.size())) return false;
  inner_.pending.append(bytes);
  return give(inner_);
}

bool GateLink::judge(const ZmtpFrames::Seen& seen, std::size_t bytes) {
  frames_.spend(static_cast<double>(seen.frames));
  bytes_.spend(static_cast<double>(bytes));
  if (!stranger_) return seen.largest_body <= limits_.frame_bytes_max;
  stranger_bytes_ += bytes;
  return stranger_bytes_ <= limits_.stranger_bytes_max &&
         seen.largest_body <= limits_.stranger_bytes_max;
}

bool GateLink::take_inner() {
  const auto buffer = scratch();
  const ssize_t count = read_some(inner_.fd, buffer);
  if (count < 0) return true;
  inner_.ended = count == 0;
  std::string_view bytes(buffer.data(), static_cast<std::size_t>(count));
  if (stranger_ && answered_.pass(bytes).ready) stranger_ = false;
  if (!skip_greeting(bytes)) return false;
  outer_.pending.append(bytes);
  return give(outer_);
}

/// False when it is not the one that the peer has heard.
bool GateLink::skip_greeting(std::string_view& bytes) {
  const std::string_view expected = std::string_view(server_greeting()).substr(greeting_heard_);
  const std::string_view heard = bytes.substr(0, expected.size());
  if (expected.starts_with(heard)) {
    greeting_heard_ += heard.size();
    bytes.remove_prefix(heard.size());
    return true;
  }
  log_error("libzmq greets in another way than it is known to: connections are refused");
  return false;
}

/// False when the other end is gone.
bool GateLink::give(Side& side) {
  while (!side.pending.empty()) {
    const ssize_t count = ::send(side.fd, side.pending.data(), side.pending.size(), MSG_NOSIGNAL);
    if (count < 0) return errno == EAGAIN || errno == EINTR;
    if (&side == &outer_) taken_at_ = std::chrono::steady_clock::now();
    side.pending.erase(0, static_cast<std::size_t>(count));
  }
  return true;
}

std::uint32_t GateLink::outer_events(GateInstant now) {
  std::uint32_t events = 0;
  if (may_read_outer(now)) events |= EPOLLIN;
  if (!outer_.pending.empty()) events |= EPOLLOUT;
  return events;
}

std::uint32_t GateLink::inner_events() const {
  std::uint32_t events = 0;
  if (outer_.pending.empty() && !inner_.ended) events |= EPOLLIN;
  if (!inner_.pending.empty()) events |= EPOLLOUT;
  return events;
}

}  // namespace tagalign::wire
