/// Peers that misbehave in front of a real server, and one that does not.
#include "coordinator/wire/zmq/gate_posix.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <thread>

#include "base/format.h"
#include "coordinator/wire/zmq/zmtp_frames.h"
#include "coordinator/wire/zmq/zmtp_hello.h"

namespace tagalign::wire {
namespace {

using namespace std::chrono_literals;

constexpr int kPatienceMs = 20'000;  // only a failing test waits that long
constexpr std::size_t kGreeting = kZmtpGreetingBytes;
const std::string kFirstWord = "\xff";  // of the greeting
constexpr const char* kHere = "127.0.0.1";
constexpr const char* kElsewhere = "127.0.0.2";

std::string frame(std::uint64_t announced, const std::string& body, bool command = false) {
  std::string bytes(1, static_cast<char>(2 | (command ? 4 : 0)));
  for (int shift = 56; shift >= 0; shift -= 8) bytes += static_cast<char>(announced >> shift);
  return bytes + body;
}
std::string whole(const std::string& body, bool command = false) {
  return frame(body.size(), body, command);
}
/// What a client says before it is answered: HELLO's box, which only the server can open, is `seal`.
std::string beginning(char seal = 'x') {
  using namespace std::string_literals;
  std::string bytes = server_greeting() + "\4\xc8\5HELLO\1\0"s;
  bytes.resize(kZmtpGreetingBytes + kZmtpHelloBytes, seal);
  return bytes;
}
const std::string kReady = whole(std::string("\5READY") + "metadata", true);

/// Closed at the end.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  void say(const std::string& bytes) const {
    (void)!::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }
  bool readable(int wait_ms) const {
    pollfd item{fd_, POLLIN, 0};
    return ::poll(&item, 1, wait_ms) == 1;
  }
  /// What comes within the time, at most `bytes`; empty at the end of the connection.
  std::string hear(std::size_t bytes, int wait_ms = kPatienceMs) const {
    std::string heard;
    while (heard.size() < bytes && readable(wait_ms)) {
      std::string chunk(bytes - heard.size(), '\0');
      const ssize_t count = ::recv(fd_, chunk.data(), chunk.size(), 0);
      if (count <= 0) break;
      heard += chunk.substr(0, static_cast<std::size_t>(count));
    }
    return heard;
  }
  /// Whether the connection ends within the time; what still comes is read.
  bool ends(int wait_ms = kPatienceMs) const {
    char byte;
    while (readable(wait_ms)) {
      if (::recv(fd_, &byte, 1, 0) <= 0) return true;
    }
    return false;
  }

 private:
  int fd_;
};

class GateTest : public ::testing::Test {
 protected:
  void open(const GateLimits& limits) {
    name_ = format("tagalign-gate-test-{}", ::getpid());
    inside_ = Descriptor(::socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::copy(name_.begin(), name_.end(), address.sun_path + 1);
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name_.size());
    ASSERT_EQ(::bind(inside_.get(), reinterpret_cast<sockaddr*>(&address), length), 0);
    ASSERT_EQ(::listen(inside_.get(), 64), 0);
    gate_ = Gate::open("tcp://127.0.0.1:*", name_, limits).value();
  }
  static GateLimits limits() {
    GateLimits limits;
    limits.frame_bytes_max = 1u << 20;
    return limits;
  }
  /// A connection that has said so much: a silent one stays with the kernel.
  Descriptor knock(const std::string& words = kFirstWord, const char* from = kHere) const {
    Descriptor peer(::socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    EXPECT_EQ(::inet_pton(AF_INET, from, &address.sin_addr), 1);
    EXPECT_EQ(::bind(peer.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    const std::string endpoint = gate_->endpoint();
    address.sin_port =
        htons(static_cast<std::uint16_t>(std::stoi(endpoint.substr(endpoint.rfind(':') + 1))));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(peer.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    peer.say(words);
    return peer;
  }
  /// The server's end of the next connection.
  Descriptor server_end() const { return Descriptor(::accept(inside_.get(), nullptr, nullptr)); }

  struct Friends {
    Descriptor peer;
    Descriptor server;
  };
  /// A connection whose key was accepted.
  Friends befriend() const {
    Friends both{knock(beginning()), server_end()};
    EXPECT_EQ(both.server.hear(beginning().size()), beginning());
    EXPECT_EQ(both.peer.hear(kGreeting), server_greeting()) << "the gate says it";
    both.server.say(server_greeting() + kReady);
    EXPECT_EQ(both.peer.hear(kReady.size()), kReady) << "and nobody says it again";
    return both;
  }

  std::string name_;
  Descriptor inside_;
  std::unique_ptr<Gate> gate_;
};

TEST_F(GateTest, Bytes_OfAFriend_PassBothWaysUnchanged) {
  open(limits());
  const Friends both = befriend();
  const std::string question = whole(std::string(300'000, 'q'));
  std::thread asking([&] { both.peer.say(question); });
  EXPECT_EQ(both.server.hear(question.size()), question);
  asking.join();
  std::thread answering([&] { both.server.say(question); });
  EXPECT_EQ(both.peer.hear(question.size()), question);
  answering.join();
}

TEST_F(GateTest, LastWordsOfTheServer_ReachThePeer) {
  open(limits());
  Friends both = befriend();
  both.server.say("good bye");
  { const Descriptor closed = std::move(both.server); }
  EXPECT_EQ(both.peer.hear(8), "good bye");
  EXPECT_TRUE(both.peer.ends());
}

TEST_F(GateTest, Stranger_WithoutItsWholeHello_OpensNothingInside) {
  open(limits());
  const Descriptor peer = knock();
  peer.say(beginning().substr(1, beginning().size() - 2));
  EXPECT_EQ(peer.hear(kGreeting), server_greeting());
  EXPECT_FALSE(inside_.readable(100));
  peer.say("x");
  EXPECT_TRUE(inside_.readable(kPatienceMs)) << "the last byte was missing";
}

TEST_F(GateTest, Stranger_ThatIsNoClient_IsCutOffAndOpensNothing) {
  open(limits());
  EXPECT_TRUE(knock("GET / HTTP/1.1").ends());
  EXPECT_TRUE(knock(server_greeting() + frame(60u << 20, "x", true)).ends());
  EXPECT_FALSE(inside_.readable(0));
}

TEST_F(GateTest, Stranger_ThatAnnouncesAHugeFrame_IsCutOff) {
  open(limits());
  const Descriptor peer = knock(beginning() + frame(60u << 20, "x"));
  EXPECT_TRUE(peer.ends());
}

TEST_F(GateTest, Stranger_ThatTalksWithoutEnd_IsCutOff) {
  open(limits());
  const Descriptor peer = knock(beginning());
  for (int i = 0; i < 50; ++i) peer.say(whole(std::string(90, 'x')));
  EXPECT_TRUE(peer.ends());
}

TEST_F(GateTest, Stranger_ThatStopsHalfway_IsCutOffInTime) {
  GateLimits hasty = limits();
  hasty.handshake_ms_max = 100ms;
  open(hasty);
  const Descriptor outside = knock();
  const Descriptor inside = knock(beginning());
  const Descriptor silent_server = server_end();
  EXPECT_TRUE(outside.ends());
  EXPECT_TRUE(inside.ends());
}

TEST_F(GateTest, TooManyVisitors_TheCrowdedAddressMakesRoom) {
  GateLimits few = limits();
  few.visitors_max = 4;
  open(few);
  const Descriptor oldest = knock();
  EXPECT_EQ(oldest.hear(kGreeting).size(), kGreeting);
  std::vector<Descriptor> crowd;
  for (int i = 0; i < 4; ++i) {
    crowd.push_back(knock(kFirstWord, kElsewhere));
    EXPECT_EQ(crowd.back().hear(kGreeting).size(), kGreeting);
  }
  EXPECT_TRUE(crowd[0].ends());
  EXPECT_FALSE(crowd[1].ends(0));
  EXPECT_FALSE(oldest.ends(0)) << "it is alone with its address";
}

TEST_F(GateTest, HandshakesAboveTheirRate_WaitOutside) {
  GateLimits slow = limits();
  slow.opens_per_s = 0.001;
  slow.opens_burst = 1.5;  // the second overdraws it
  open(slow);
  std::vector<Descriptor> peers;
  for (int i = 0; i < 3; ++i) peers.push_back(knock(beginning()));
  const Descriptor first = server_end();
  const Descriptor second = server_end();
  EXPECT_FALSE(inside_.readable(100));
}

TEST_F(GateTest, HandshakesThatWait_AreTakenFromTheAddressesInTurn) {
  GateLimits slow = limits();
  slow.opens_per_s = 4;
  slow.opens_burst = 1;
  open(slow);
  const Descriptor first = knock(beginning('0'), kElsewhere);
  std::string order = server_end().hear(beginning().size()).substr(beginning().size() - 1);
  std::vector<Descriptor> peers;
  for (const char seal : {'1', '2', '3'}) peers.push_back(knock(beginning(seal), kElsewhere));
  peers.push_back(knock(beginning('h'), kHere));
  for (int i = 0; i < 4; ++i)
    order += server_end().hear(beginning().size()).substr(beginning().size() - 1);
  EXPECT_LE(order.find('h'), 2u) << order << ": it waits for one of the others at most";
}

TEST_F(GateTest, Server_ThatGreetsInAnotherWay_IsNotBelieved) {
  open(limits());
  const Descriptor peer = knock(beginning());
  const Descriptor server = server_end();
  server.say(std::string(kGreeting, 'g') + kReady);
  EXPECT_TRUE(peer.ends());
}

TEST_F(GateTest, Friend_MayStaySilent) {
  GateLimits hasty = limits();
  hasty.handshake_ms_max = 100ms;
  open(hasty);
  const Friends both = befriend();
  EXPECT_FALSE(both.peer.ends(400));
  both.peer.say(whole("still here"));
  EXPECT_EQ(both.server.hear(19).size(), 19u);
}

TEST_F(GateTest, TooManyStrangers_TheOldestMakesRoom) {
  GateLimits few = limits();
  few.strangers_max = 3;
  open(few);
  const Friends both = befriend();
  std::vector<Descriptor> strangers;
  std::vector<Descriptor> servers;
  for (int i = 0; i < 4; ++i) {
    strangers.push_back(knock(beginning()));
    servers.push_back(server_end());
  }
  EXPECT_TRUE(strangers[0].ends());
  EXPECT_FALSE(both.peer.ends(50)) << "friends are not counted";
}

TEST_F(GateTest, Friend_AboveItsShareOfFrames_Waits) {
  GateLimits slow = limits();
  slow.frames_per_s = 100;
  slow.frames_burst = 10;
  open(slow);
  const Friends both = befriend();
  constexpr int kFrames = 40;
  const std::string one = whole(std::string(kGateChunk, 'x'));  // a chunk for each
  const auto start = std::chrono::steady_clock::now();
  std::thread asking([&] {
    for (int i = 0; i < kFrames; ++i) both.peer.say(one);
  });
  EXPECT_EQ(both.server.hear(kFrames * one.size()).size(), kFrames * one.size());
  asking.join();
  EXPECT_GE(std::chrono::steady_clock::now() - start, 200ms);
}

TEST_F(GateTest, Friend_ThatAnnouncesMoreThanAMessage_IsCutOff) {
  open(limits());
  const Friends both = befriend();
  both.peer.say(frame(2u << 20, "x"));
  EXPECT_TRUE(both.peer.ends());
}

TEST_F(GateTest, Friend_ThatDoesNotRead_IsHeardNoMoreThenCutOff) {
  GateLimits strict = limits();
  strict.unread_ms_max = 500ms;
  open(strict);
  const Friends both = befriend();
  std::thread answering([&] { both.server.say(std::string(64u << 20, 'a')); });
  ASSERT_TRUE(both.peer.readable(10'000)) << "the answer comes, and fills all that lies between";
  std::this_thread::sleep_for(200ms);
  both.peer.say(whole("another question"));
  EXPECT_FALSE(both.server.readable(100)) << "its answers wait for it: no question passes";
  EXPECT_TRUE(both.server.ends());
  answering.join();
}

TEST(ZmtpHello, Beginning_IsToldFromAnythingElse) {
  const std::string whole_one = beginning();
  for (std::size_t size = 0; size < whole_one.size(); ++size)
    EXPECT_EQ(judge_beginning(whole_one.substr(0, size)), Beginning::kHalf) << size;
  EXPECT_EQ(judge_beginning(whole_one), Beginning::kWhole);
  for (const std::size_t at : {0, 9, 10, 12, 17, 64, 65, 66, 71, 72, 73}) {
    std::string other = whole_one;
    other[at] = static_cast<char>(other[at] ^ 0x10);
    EXPECT_EQ(judge_beginning(other), Beginning::kForeign) << at;
    EXPECT_EQ(judge_beginning(other.substr(0, at + 1)), Beginning::kForeign) << at;
  }
}

TEST(ZmtpFrames, BytesInAnyPieces_AreCountedAlike) {
  const std::string stream = std::string(kGreeting, 'g') + whole("a") + std::string("\0\3abc", 5) +
                             std::string("\4\6\5READY", 8) + frame(1u << 30, "");
  for (const std::size_t piece : {1u, 2u, 7u, 64u, 1000u}) {
    ZmtpFrames frames;
    ZmtpFrames::Seen all;
    for (std::size_t at = 0; at < stream.size(); at += piece) {
      const auto seen = frames.pass(std::string_view(stream).substr(at, piece));
      all.frames += seen.frames;
      all.largest_body = std::max(all.largest_body, seen.largest_body);
      all.ready = all.ready || seen.ready;
    }
    EXPECT_EQ(all.frames, 4u) << piece;
    EXPECT_EQ(all.largest_body, 1u << 30) << piece;
    EXPECT_TRUE(all.ready) << piece;
  }
}

}  // namespace
}  // namespace tagalign::wire
