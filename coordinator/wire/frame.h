/// The envelope of every message on a socket (format.md): verified completely
/// before anything is decoded.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"
#include "coordinator/wire/transport.h"

namespace tagalign::wire {

/// What a frame's body is. A number is never given a second meaning; retired numbers stay listed.
enum class FrameKind : std::uint16_t {
  kHello = 1,    ///< peer → server, the first frame of a connection: version range and role
  kWelcome = 2,  ///< server → peer: the version that both use
  kReject = 3,   ///< server → peer: why it will not talk, for people
  kClientRequest = 10,
  kClientReply = 11,
  kFromAgent = 20,
  kToAgent = 21,
  kFromRank = 30,
  kToRank = 31,
  kNextJob = 32,  ///< agent → rank whose attempt is over
};
bool is_known(FrameKind kind);

/// Versions that this program speaks.
inline constexpr std::uint16_t kProtocolVersionMin = 4;
inline constexpr std::uint16_t kProtocolVersionMax = 4;
inline constexpr std::size_t kFrameHeaderBytes = 32;

/// The frame's bytes, header first. Aborts above limits::kFrameBytesMax: senders
/// bound what they collect.
std::string pack_frame(const Frame& frame, std::uint16_t version = kProtocolVersionMax);

struct UnpackedFrame {
  std::uint16_t version = 0;  ///< as sent; not checked against what this program speaks
  Frame frame;
};
/// kDataLoss with what does not match: magic, length, checksums, kind.
Result<UnpackedFrame> unpack_frame(std::string_view bytes);

// ---------------------------------------------------------------- handshake; these bodies are the
// same in all versions

struct Hello {
  std::uint16_t version_min = kProtocolVersionMin;
  std::uint16_t version_max = kProtocolVersionMax;
  PeerRole role = PeerRole::kClient;
  std::string program;  ///< "tagalign 0.1.0"
};
struct Welcome {
  std::uint16_t version = 0;
};
struct Reject {
  std::string message;
};

std::string encode(const Hello& hello);
std::string encode(const Welcome& welcome);
std::string encode(const Reject& reject);
Result<Hello> decode_hello(std::string_view body);
Result<Welcome> decode_welcome(std::string_view body);
Result<Reject> decode_reject(std::string_view body);

/// The server's answer to a hello: a Welcome with the highest common version, or a Reject that
/// names both ranges or both roles. `proven` is the role of the key that the peer holds.
Frame answer_hello(const Hello& hello, PeerRole proven);
/// The Reject for a frame whose version is outside this program's range.
Frame reject_version(std::uint16_t version_min, std::uint16_t version_max);

std::string_view peer_role_name(PeerRole role);

}  // namespace tagalign::wire
