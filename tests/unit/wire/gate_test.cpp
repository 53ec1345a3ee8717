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

namespace tagalign::wire {
namespace {

using namespace std::chrono_literals;

constexpr int kPatienceMs = 20'000;  // only a failing test waits that long
constexpr std::size_t kGreeting = 64;
const std::string kFirstWord = "\xff";  // of the greeting

std::string frame(std::uint64_t announced, const std::string& body, bool command = false) {
  std::string bytes(1, static_cast<char>(2 | (command ? 4 : 0)));
  for (int shift = 56; shift >= 0; shift -= 8) bytes += static_cast<char>(announced >> shift);
  return bytes + body;
}
std::string whole(const std::string& body, bool command = false) {
  return frame(body.size(), body, command);
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
  Descriptor knock() const {
    Descriptor peer(::socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    const std::string endpoint = gate_->endpoint();
    address.sin_port =
        htons(static_cast<std::uint16_t>(std::stoi(endpoint.substr(endpoint.rfind(':') + 1))));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(peer.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    peer.say(kFirstWord);
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
    Friends both{knock(), server_end()};
    both.peer.say(std::string(kGreeting - kFirstWord.size(), 'g'));
    both.server.hear(kGreeting);
    const std::string answer = std::string(kGreeting, 'g') + kReady;
    both.server.say(answer);
    EXPECT_EQ(both.peer.hear(answer.size()), answer);
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

TEST_F(GateTest, Stranger_ThatAnnouncesAHugeFrame_IsCutOff) {
  open(limits());
  const Descriptor peer = knock();
  peer.say(std::string(kGreeting - kFirstWord.size(), 'g') + frame(60u << 20, "x"));
  EXPECT_TRUE(peer.ends());
}

TEST_F(GateTest, Stranger_ThatTalksWithoutEnd_IsCutOff) {
  open(limits());
  const Descriptor peer = knock();
  peer.say(std::string(kGreeting - kFirstWord.size(), 'g'));
  for (int i = 0; i < 50; ++i) peer.say(whole(std::string(90, 'x')));
  EXPECT_TRUE(peer.ends());
}

TEST_F(GateTest, Stranger_ThatStopsHalfway_IsCutOffInTime) {
  GateLimits hasty = limits();
  hasty.handshake_ms_max = 100ms;
  open(hasty);
  const Descriptor peer = knock();
  peer.say("half");
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
  for (int i = 0; i < 4; ++i) {
    strangers.push_back(knock());
    server_end();
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
  std::this_thread::sleep_for(200ms);
  both.peer.say(whole("another question"));
  EXPECT_FALSE(both.server.readable(100)) << "its answers wait for it: no question passes";
  EXPECT_TRUE(both.server.ends());
  answering.join();
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
