#include "tests/bench/micro/floods.h"

#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <deque>
#include <memory>
#include <thread>
#include <vector>

#include "coordinator/keys/state_folder.h"
#include "coordinator/wire/codec.h"
#include "coordinator/wire/transport.h"
#include "coordinator/wire/zmq/zmtp_hello.h"

namespace tagalign::bench {
namespace {

using namespace wire;

constexpr int kConnectionsHeld = 2'000;

int open_connection(const Target& target, FloodCount& count) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (fd < 0) return fd;
  ++count.tries;
  const auto* address = reinterpret_cast<const sockaddr*>(&target.address);
  ::connect(fd, address, sizeof target.address);
  return fd;
}

/// What a client says first: greeting, and the beginning of a command of so many bytes.
std::string greeting(std::uint64_t command_bytes) {
  std::string bytes = server_greeting();
  bytes += '\6';
  for (int shift = 56; shift >= 0; shift -= 8) bytes += static_cast<char>(command_bytes >> shift);
  return bytes;
}

/// Greeting and HELLO as they look from outside; the box in it is nobody's.
std::string false_hello() {
  std::string bytes = server_greeting() + std::string("\4\xc8\5HELLO\1\0", 10);
  bytes.resize(kZmtpGreetingBytes + kZmtpHelloBytes);
  return bytes;
}

void send_bytes(int fd, const std::string& bytes, FloodCount& count) {
  const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent <= 0) return;
  ++count.frames;
  count.bytes += static_cast<std::uint64_t>(sent);
}

/// Keeps many connections, each of which says `words` again and again, and renews the oldest.
void hold_connections(const Target& target, FloodCount& count, const std::string& words) {
  std::deque<int> open;
  while (true) {
    open.push_back(open_connection(target, count));
    if (!words.empty()) {
      send_bytes(open.back(), words, count);
      for (std::size_t i = 0; i < open.size(); i += 1 + open.size() / 16)
        send_bytes(open[i], words, count);
    }
    if (open.size() < kConnectionsHeld) continue;
    ::close(open.front());
    open.pop_front();
  }
}

void flood_half_frames(const Target& target, FloodCount& count) {
  hold_connections(target, count, false_hello().substr(0, 70));
}
/// Whole greetings and commands, but no handshake: the server only knows when it has looked.
void flood_false_hellos(const Target& target, FloodCount& count) {
  hold_connections(target, count, false_hello());
}
void flood_huge_lengths(const Target& target, FloodCount& count) {
  hold_connections(target, count, greeting(60u << 20) + std::string(1u << 20, 'x'));
}

/// As "connections", at a socket where nobody accepts.
void flood_elsewhere(const Target& target, FloodCount& count) {
  Target own = target;
  own.address.sin_port = 0;
  socklen_t length = sizeof own.address;
  auto* address = reinterpret_cast<sockaddr*>(&own.address);
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  TA_CHECK(::bind(listener, address, length) == 0 && ::listen(listener, 512) == 0 &&
               ::getsockname(listener, address, &length) == 0,
           "a socket of the flooder's own");
  hold_connections(own, count, "");
}

CurveClientOptions options_of(const Target& target) {
  return load_key_file(target.key, "", PeerRole::kClient).value();
}

void flood_strange_keys(const Target& target, FloodCount& count) {
  constexpr int kAtOnce = 16;
  while (true) {
    auto options = options_of(target);
    options.keys = generate_keys().value();
    std::vector<std::unique_ptr<ClientSocket>> sockets;
    for (int i = 0; i < kAtOnce; ++i) sockets.push_back(connect_curve(options).value());
    count.tries += kAtOnce;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

struct Asking {
  ClientRequest request;
  int connections = 1;
  bool reads = true;  ///< the answers
};

void flood_requests(const Target& target, FloodCount& count, const Asking& asking) {
  const Frame frame = make_frame(asking.request);
  std::vector<std::unique_ptr<ClientSocket>> sockets;
  for (int i = 0; i < asking.connections; ++i)
    sockets.push_back(connect_curve(options_of(target)).value());
  count.tries += sockets.size();
  while (true) {
    for (const auto& socket : sockets) {
      if (socket->send(frame).ok()) {
        ++count.frames;
        count.bytes += frame.body.size();
      }
      if (asking.reads) (void)socket->receive(0);
    }
  }
}

Flood requests(ClientRequest request, int connections, bool reads) {
  return [asking = Asking{std::move(request), connections, reads}](
             const Target& target, FloodCount& count) { flood_requests(target, count, asking); };
}

}  // namespace

const std::map<std::string, Flood>& floods() {
  static const std::map<std::string, Flood> all = {
      {"none", [](const Target&, FloodCount&) { ::pause(); }},
      {"burn",
       [](const Target&, FloodCount& count) {
         while (true) ++count.frames;
       }},
      {"connections",
       [](const Target& target, FloodCount& count) { hold_connections(target, count, ""); }},
      {"elsewhere", flood_elsewhere},
      {"half-frames", flood_half_frames},
      {"false-hellos", flood_false_hellos},
      {"huge-lengths", flood_huge_lengths},
      {"strange-keys", flood_strange_keys},
      {"requests", requests(StatusRequest{}, 1, true)},
      {"requests-8", requests(StatusRequest{}, 8, true)},
      {"costly", requests(JobsRequest{}, 1, true)},
      {"unread", requests(JobsRequest{}, 8, false)},
      {"large", requests(JobRequest{JobRef(std::string(16u << 20, 'x'))}, 4, true)}};
  return all;
}

}  // namespace tagalign::bench
