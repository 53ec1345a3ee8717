// Stands between a host and its bridge: what the host sends comes late, or never; what it is sent
// comes at once.
//   link_relay HOST_DEVICE BRIDGE_DEVICE DELAY_MS LOSS_PERCENT
// Runs until it is killed. Both devices are up; neither is a port of a bridge.
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <random>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using Frame = std::vector<char>;

[[noreturn]] void fail(const std::string& what) {
  std::perror(("link_relay: " + what).c_str());
  std::exit(1);
}

/// Of the kernel's virtio_net_hdr, whose C header is no C++.
constexpr std::size_t kNotesBytes = 10;

/// Reads and writes whole frames of a device, with the kernel's notes on what it left to the
/// hardware: checksums and the cutting into packets.
int open_port(const char* device) {
  const int port = ::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
  if (port < 0) fail("opening a packet socket");
  const int on = 1;
  if (::setsockopt(port, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof on) != 0) fail("its headers");
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = static_cast<int>(::if_nametoindex(device));
  if (::bind(port, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fail(device);
  return port;
}

/// Empty: nothing came, or what we sent ourselves.
Frame receive(int port) {
  constexpr std::size_t kFrameBytesMax = kNotesBytes + (1u << 17);
  Frame frame(kFrameBytesMax);
  sockaddr_ll from{};
  socklen_t length = sizeof from;
  const ssize_t bytes = ::recvfrom(port, frame.data(), frame.size(), MSG_DONTWAIT,
                                   reinterpret_cast<sockaddr*>(&from), &length);
  frame.resize(bytes > 0 && from.sll_pkttype != PACKET_OUTGOING ? static_cast<std::size_t>(bytes)
                                                                : 0);
  return frame;
}

/// A frame that the device does not take now is lost, as on any link.
void send(int port, const Frame& frame) {
  (void)!::send(port, frame.data(), frame.size(), MSG_DONTWAIT);
}

struct Delayed {
  Clock::time_point due;
  Frame frame;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) fail("expected HOST_DEVICE BRIDGE_DEVICE DELAY_MS LOSS_PERCENT");
  const int host = open_port(argv[1]);
  const int bridge = open_port(argv[2]);
  const std::chrono::milliseconds delay(std::atoi(argv[3]));
  std::bernoulli_distribution lost(std::atoi(argv[4]) / 100.0);
  std::mt19937 random;
  std::deque<Delayed> queue;
  while (true) {
    const auto until =
        queue.empty()
            ? std::chrono::milliseconds(1'000)
            : std::chrono::ceil<std::chrono::milliseconds>(queue.front().due - Clock::now());
    pollfd ports[] = {{host, POLLIN, 0}, {bridge, POLLIN, 0}};
    ::poll(ports, 2, static_cast<int>(std::max<std::int64_t>(0, until.count())));
    for (Frame frame = receive(bridge); !frame.empty(); frame = receive(bridge)) send(host, frame);
    for (Frame frame = receive(host); !frame.empty(); frame = receive(host)) {
      if (!lost(random)) queue.push_back({Clock::now() + delay, std::move(frame)});
    }
    for (; !queue.empty() && queue.front().due <= Clock::now(); queue.pop_front())
      send(bridge, queue.front().frame);
  }
}
