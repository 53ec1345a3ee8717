#include "coordinator/wire/frame.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/checksum.h"
#include "base/format.h"
#include "base/limits.h"
#include "coordinator/wire/wire_archive.h"

namespace tagalign::wire {
namespace {

constexpr std::string_view kMagic = "TAGF";
constexpr std::size_t kCheckedHeaderBytes = 24;  // all before the header's own checksum

struct Header {
  std::uint16_t version = 0;
  std::uint16_t kind = 0;
  std::uint32_t body_bytes = 0;
  std::uint32_t reserved = 0;
  std::uint64_t body_checksum = 0;
};

template <class Archive>
void serialize(Archive& archive, Header& header) {
  archive(header.version, header.kind, header.body_bytes, header.reserved, header.body_checksum);
}

Result<Header> unpack_header(std::string_view bytes) {
  if (bytes.size() < kFrameHeaderBytes) {
    return data_loss(
        format("frame of {} bytes, expected at least {}", bytes.size(), kFrameHeaderBytes));
  }
  if (!bytes.starts_with(kMagic)) return data_loss("frame does not begin with TAGF");
  const auto stored =
      from_bytes<std::uint64_t>(bytes.substr(kCheckedHeaderBytes, sizeof(std::uint64_t)));
  const std::uint64_t actual = digest64(as_bytes(bytes.substr(0, kCheckedHeaderBytes)));
  if (*stored != actual) {
    return data_loss(format("frame header checksum {:016x}, expected {:016x}", *stored, actual));
  }
  return from_bytes<Header>(bytes.substr(kMagic.size(), kCheckedHeaderBytes - kMagic.size()));
}

std::string range(std::uint16_t version_min, std::uint16_t version_max) {
  return version_min == version_max ? format("{}", version_min)
                                    : format("{} to {}", version_min, version_max);
}

}  // namespace

template <class Archive>
void serialize(Archive& archive, Hello& hello) {
  archive(hello.version_min, hello.version_max, hello.role, hello.program);
}
template <class Archive>
void serialize(Archive& archive, Welcome& welcome) {
  archive(welcome.version);
}
template <class Archive>
void serialize(Archive& archive, Reject& reject) {
  archive(reject.message);
}

bool is_known(FrameKind kind) {
  switch (kind) {
    case FrameKind::kHello:
    case FrameKind::kWelcome:
    case FrameKind::kReject:
    case FrameKind::kClientRequest:
    case FrameKind::kClientReply:
    case FrameKind::kFromAgent:
    case FrameKind::kToAgent:
    case FrameKind::kFromRank:
    case FrameKind::kToRank:
    case FrameKind::kNextJob:
      return true;
  }
  return false;
}

std::string pack_frame(const Frame& frame, std::uint16_t version) {
  TA_CHECK(frame.body.size() <= limits::kFrameBytesMax, "frame body above kFrameBytesMax");
  std::string bytes(kMagic);
  bytes.reserve(kFrameHeaderBytes + frame.body.size());
  bytes += to_bytes(Header{.version = version,
                           .kind = static_cast<std::uint16_t>(frame.kind),
                           .body_bytes = static_cast<std::uint32_t>(frame.body.size()),
                           .body_checksum = digest64(as_bytes(frame.body))});
  bytes += to_bytes(digest64(as_bytes(bytes)));
  bytes += frame.body;
  return bytes;
}

Result<UnpackedFrame> unpack_frame(std::string_view bytes) {
  TA_ASSIGN_OR_RETURN(const Header header, unpack_header(bytes));
  const std::string_view body = bytes.substr(kFrameHeaderBytes);
  if (header.body_bytes > limits::kFrameBytesMax) {
    return data_loss(format("frame announces {} bytes, expected at most {}", header.body_bytes,
                            limits::kFrameBytesMax));
  }
  if (header.body_bytes != body.size()) {
    return data_loss(
        format("frame announces {} bytes of body, found {}", header.body_bytes, body.size()));
  }
  if (header.reserved != 0) return data_loss("reserved bytes of the frame header are not zero");
  if (const std::uint64_t actual = digest64(as_bytes(body)); actual != header.body_checksum) {
    return data_loss(
        format("frame body checksum {:016x}, expected {:016x}", header.body_checksum, actual));
  }
  const auto kind = static_cast<FrameKind>(header.kind);
  if (!is_known(kind)) return data_loss(format("frame kind {} is not known", header.kind));
  return UnpackedFrame{header.version, Frame{kind, std::string(body)}};
}

std::string encode(const Hello& hello) {
  return to_bytes(hello);
}
std::string encode(const Welcome& welcome) {
  return to_bytes(welcome);
}
std::string encode(const Reject& reject) {
  return to_bytes(reject);
}

Result<Hello> decode_hello(std::string_view body) {
  return from_bytes<Hello>(body);
}
Result<Welcome> decode_welcome(std::string_view body) {
  return from_bytes<Welcome>(body);
}
Result<Reject> decode_reject(std::string_view body) {
  return from_bytes<Reject>(body);
}

Frame reject_version(std::uint16_t version_min, std::uint16_t version_max) {
  return {FrameKind::kReject,
          encode(Reject{format(
              "protocol versions do not overlap: this coordinator speaks {}, the peer "
              "speaks {}; install the same release of tagalign on both sides",
              range(kProtocolVersionMin, kProtocolVersionMax), range(version_min, version_max))})};
}

Frame answer_hello(const Hello& hello, PeerRole proven) {
  if (hello.version_min > kProtocolVersionMax || hello.version_max < kProtocolVersionMin) {
    return reject_version(hello.version_min, hello.version_max);
  }
  if (hello.role != proven) {
    return {FrameKind::kReject,
            encode(Reject{format(
                "the peer wants to be {} but its key is allowed as {}: use a key that was made for "
                "that, with `tagalign key add NAME --role {}`",
                peer_role_name(hello.role), peer_role_name(proven),
                hello.role == PeerRole::kAgent ? "agent" : "observe|submit|admin")})};
  }
  return {FrameKind::kWelcome, encode(Welcome{std::min(hello.version_max, kProtocolVersionMax)})};
}

std::string_view peer_role_name(PeerRole role) {
  switch (role) {
    case PeerRole::kClient:
      return "client";
    case PeerRole::kAgent:
      return "agent";
    case PeerRole::kRank:
      return "rank";
  }
  return "unknown";
}

}  // namespace tagalign::wire
