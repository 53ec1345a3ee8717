/// Random and mutated input for everything that decodes bytes from a socket. Seeds are
/// fixed: a failure repeats.
#include <gtest/gtest.h>

#include "base/random.h"
#include "coordinator/wire/codec.h"
#include "coordinator/wire/frame.h"
#include "tests/support/sample_messages.h"

namespace tagalign::wire {
namespace {

constexpr int kRounds = 20'000;

std::string random_bytes(RandomStream& random, std::size_t size) {
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random.next_u32());
  return bytes;
}

/// A few changes of the kinds that find parser mistakes: bits, extreme
/// sizes, cuts, insertions, repeats.
std::string mutated(std::string bytes, RandomStream& random) {
  const auto changes = 1 + random.below(4);
  for (std::uint64_t i = 0; i < changes && !bytes.empty(); ++i) {
    const auto at = static_cast<std::size_t>(random.below(bytes.size()));
    switch (random.below(5)) {
      case 0:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << random.below(8)));
        break;
      case 1:
        bytes[at] = random.below(2) == 0 ? '\xff' : '\x7f';
        break;
      case 2:
        bytes.resize(at);
        break;
      case 3:
        bytes.insert(at, random_bytes(random, 1 + static_cast<std::size_t>(random.below(9))));
        break;
      default:
        bytes.insert(at, bytes.substr(at / 2, 16));
    }
  }
  return bytes;
}

/// Whatever is decoded must be encodable and decodable again; the rest must be a data-loss status.
template <class Message>
void attack(const std::vector<Message>& samples, Result<Message> (*decode)(std::string_view)) {
  RandomStream random({.seed = samples.size()}, StreamPurpose::kTest);
  int accepted = 0;
  for (int round = 0; round < kRounds; ++round) {
    const auto& sample = samples[static_cast<std::size_t>(random.below(samples.size()))];
    const std::string bytes =
        round % 8 == 0 ? random_bytes(random, static_cast<std::size_t>(random.below(200)))
                       : mutated(encode(sample), random);
    const auto decoded = decode(bytes);
    if (!decoded.ok()) {
      ASSERT_EQ(decoded.status().code(), ErrorCode::kDataLoss);
      continue;
    }
    ++accepted;
    ASSERT_EQ(encode(*decoded), bytes) << "round " << round;
  }
  EXPECT_GT(accepted, 0) << "the mutations are too coarse to reach the fields";
  EXPECT_LT(accepted, kRounds);
}

TEST(CodecFuzz, ClientRequests_Mutated_NeverMisbehave) {
  attack(sample_requests(), decode_client_request);
}
TEST(CodecFuzz, ClientReplies_Mutated_NeverMisbehave) {
  attack(sample_replies(), decode_client_reply);
}
TEST(CodecFuzz, FromAgent_Mutated_NeverMisbehave) {
  attack(sample_from_agent(), decode_from_agent);
}
TEST(CodecFuzz, ToAgent_Mutated_NeverMisbehave) {
  attack(sample_to_agent(), decode_to_agent);
}
TEST(CodecFuzz, FromRank_Mutated_NeverMisbehave) {
  attack(sample_from_rank(), decode_from_rank);
}
TEST(CodecFuzz, ToRank_Mutated_NeverMisbehave) {
  attack(sample_to_rank(), decode_to_rank);
}

TEST(FrameFuzz, Frames_Mutated_AreRefusedOrUnchanged) {
  RandomStream random({.seed = 99}, StreamPurpose::kTest);
  for (int round = 0; round < kRounds; ++round) {
    const std::string good = pack_frame(
        {FrameKind::kToAgent, random_bytes(random, static_cast<std::size_t>(random.below(80)))});
    const std::string bad = mutated(good, random);
    const auto unpacked = unpack_frame(bad);
    ASSERT_EQ(unpacked.ok(), bad == good) << "round " << round;
  }
}

TEST(FrameFuzz, Noise_Unpacked_IsRefused) {
  RandomStream random({.seed = 100}, StreamPurpose::kTest);
  for (int round = 0; round < kRounds; ++round) {
    std::string noise = random_bytes(random, static_cast<std::size_t>(random.below(100)));
    if (round % 2 == 0) noise.insert(0, "TAGF");
    ASSERT_EQ(unpack_frame(noise).status().code(), ErrorCode::kDataLoss);
  }
}

TEST(HandshakeFuzz, Noise_Unpacked_NeverMisbehaves) {
  RandomStream random({.seed = 101}, StreamPurpose::kTest);
  int refused = 0;
  for (int round = 0; round < kRounds; ++round) {
    const std::string bytes =
        mutated(encode(Hello{1, 1, PeerRole::kClient, "tagalign 0.1.0"}), random);
    const auto hello = decode_hello(bytes);
    if (!hello.ok()) {
      ++refused;
      continue;
    }
    const Frame answer = answer_hello(*hello, PeerRole::kClient);
    ASSERT_TRUE(answer.kind == FrameKind::kWelcome || answer.kind == FrameKind::kReject);
  }
  EXPECT_GT(refused, 0);
}

}  // namespace
}  // namespace tagalign::wire
