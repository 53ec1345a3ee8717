/// What comes from a socket: frames, the handshake and every message; and the note of a dead rank.
#include <cstring>

#include "base/checksum.h"
#include "coordinator/wire/codec.h"
#include "coordinator/wire/end_note.h"
#include "coordinator/wire/frame.h"
#include "tests/fuzz/guided/target.h"
#include "tests/support/sample_messages.h"

namespace tagalign::fuzz {
namespace {

using namespace wire;

constexpr std::size_t kHeaderDigestAt = 24;
constexpr std::size_t kBodyDigestAt = 16;

void check_frame(std::string_view bytes) {
  const auto unpacked = unpack_frame(bytes);
  if (!unpacked.ok()) {
    TA_CHECK(unpacked.status().code() == ErrorCode::kDataLoss, "damage is kDataLoss");
    return;
  }
  TA_CHECK(pack_frame(unpacked->frame, unpacked->version) == bytes, "a frame has one encoding");
}

void put_digest(std::string& bytes, std::size_t at, std::string_view of) {
  const std::uint64_t digest = digest64(as_bytes(of));
  std::memcpy(bytes.data() + at, &digest, sizeof digest);
}

/// As it is, and with checksums that fit: a fuzzer does not guess those.
void attack_frame(std::string_view bytes) {
  check_frame(bytes);
  if (bytes.size() < kFrameHeaderBytes) return;
  std::string mended(bytes);
  put_digest(mended, kBodyDigestAt, bytes.substr(kFrameHeaderBytes));
  put_digest(mended, kHeaderDigestAt, std::string(mended, 0, kHeaderDigestAt));
  check_frame(mended);
}

std::vector<std::string> frame_seeds() {
  return {pack_frame({FrameKind::kHello, encode(Hello{.program = "tagalign"})}),
          pack_frame({FrameKind::kToAgent, "body"}), pack_frame({FrameKind::kFromRank, ""})};
}

template <class Message>
void check_message(Result<Message> (*decode)(std::string_view), std::string_view body) {
  const auto decoded = decode(body);
  if (!decoded.ok()) {
    TA_CHECK(decoded.status().code() == ErrorCode::kDataLoss, "damage is kDataLoss");
    return;
  }
  TA_CHECK(encode(*decoded) == body, "a message has one encoding");
}

void check_hello(std::string_view body) {
  check_message(decode_hello, body);
  const auto hello = decode_hello(body);
  if (hello.ok()) (void)answer_hello(*hello, PeerRole::kClient);
}

/// The first byte chooses the reader.
void attack_messages(std::string_view bytes) {
  if (bytes.empty()) return;
  const std::string_view body = bytes.substr(1);
  switch (static_cast<unsigned char>(bytes[0]) % 10) {
    case 0:
      return check_message(decode_client_request, body);
    case 1:
      return check_message(decode_client_reply, body);
    case 2:
      return check_message(decode_from_agent, body);
    case 3:
      return check_message(decode_to_agent, body);
    case 4:
      return check_message(decode_from_rank, body);
    case 5:
      return check_message(decode_to_rank, body);
    case 6:
      return check_message(decode_sequenced_event, body);
    case 7:
      return check_hello(body);
    case 8:
      return check_message(decode_welcome, body);
    default:
      return check_message(decode_reject, body);
  }
}

template <class Message>
void add(std::vector<std::string>& seeds, char reader, const std::vector<Message>& samples) {
  for (const Message& sample : samples) seeds.push_back(reader + encode(sample));
}

std::vector<std::string> message_seeds() {
  std::vector<std::string> seeds;
  add(seeds, 0, sample_requests());
  add(seeds, 1, sample_replies());
  add(seeds, 2, sample_from_agent());
  add(seeds, 3, sample_to_agent());
  add(seeds, 4, sample_from_rank());
  add(seeds, 5, sample_to_rank());
  add(seeds, 6, std::vector<SequencedEvent>{{7, AttemptStarted{{1}, {2}, 3, 4}}});
  add(seeds, 7, std::vector<Hello>{{3, 4, PeerRole::kAgent, "tagalign"}});
  add(seeds, 8, std::vector<Welcome>{{3}});
  add(seeds, 9, std::vector<Reject>{{"no"}});
  return seeds;
}

void attack_end_note(std::string_view bytes) {
  const auto exit = parse_end_note(bytes);
  TA_CHECK(!exit || (exit->code >= 0 && exit->signal >= 0), "neither is negative");
  if (exit) (void)exit->to_string();
}

std::vector<std::string> end_note_seeds() {
  return {"signal 11\n", "exit 3\n"};
}

}  // namespace

const Target kFrame{"frame", attack_frame, frame_seeds};
const Target kMessages{"messages", attack_messages, message_seeds};
const Target kEndNote{"end_note", attack_end_note, end_note_seeds};

}  // namespace tagalign::fuzz
