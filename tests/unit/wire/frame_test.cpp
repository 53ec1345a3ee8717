#include "coordinator/wire/frame.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/checksum.h"
#include "coordinator/wire/next_job.h"

namespace tagalign::wire {
namespace {

using ::testing::HasSubstr;

std::string hex(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    text += kDigits[static_cast<unsigned char>(byte) >> 4];
    text += kDigits[static_cast<unsigned char>(byte) & 15];
  }
  return text;
}

const Frame kFrame{FrameKind::kToRank, "body"};

TEST(Frame, PackedAndUnpacked_IsTheSame) {
  const auto unpacked = unpack_frame(pack_frame(kFrame));
  ASSERT_TRUE(unpacked.ok());
  EXPECT_EQ(unpacked->version, kProtocolVersionMax);
  EXPECT_EQ(unpacked->frame.kind, FrameKind::kToRank);
  EXPECT_EQ(unpacked->frame.body, "body");
}

TEST(Frame, Version1_GoldenBytes_DoNotChange) {
  EXPECT_EQ(hex(pack_frame(kFrame, 1)),
            "54414746"          // TAGF
            "01001f00"          // version 1, kind 31
            "0400000000000000"  // length, reserved
            "fae17f18eec8f284"
            "e1a5db07a040b337"
            "626f6479");
}

TEST(Frame, EveryFlippedBit_IsNoticed) {
  const std::string good = pack_frame(kFrame);
  for (std::size_t byte = 0; byte < good.size(); ++byte) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string bad = good;
      bad[byte] = static_cast<char>(bad[byte] ^ (1 << bit));
      EXPECT_EQ(unpack_frame(bad).status().code(), ErrorCode::kDataLoss) << byte << ":" << bit;
    }
  }
}

TEST(Frame, EveryTruncation_IsNoticed) {
  const std::string good = pack_frame(kFrame);
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(unpack_frame(std::string_view(good).substr(0, size)).ok()) << size;
  }
  EXPECT_THAT(unpack_frame(good + "x").status().message(), HasSubstr("4 bytes of body, found 5"));
}

TEST(Frame, UnknownKind_IsRefusedByNumber) {
  const auto unpacked = unpack_frame(pack_frame({static_cast<FrameKind>(999), ""}));
  ASSERT_FALSE(unpacked.ok());
  EXPECT_THAT(unpacked.status().message(), HasSubstr("kind 999"));
}

TEST(Handshake, OverlappingVersions_IsWelcomedWithTheHighestCommon) {
  const Frame answer = answer_hello({1, 7, PeerRole::kClient, "x"}, PeerRole::kClient);
  ASSERT_EQ(answer.kind, FrameKind::kWelcome);
  EXPECT_EQ(decode_welcome(answer.body)->version, kProtocolVersionMax);
}

TEST(Handshake, NewerPeer_IsRejectedNamingBothRanges) {
  const Frame answer = answer_hello({5, 7, PeerRole::kClient, "x"}, PeerRole::kClient);
  ASSERT_EQ(answer.kind, FrameKind::kReject);
  EXPECT_THAT(decode_reject(answer.body)->message,
              HasSubstr("this coordinator speaks 4, the peer speaks 5 to 7"));
}

TEST(Handshake, OtherRoleThanTheKeys_IsRejected) {
  const Frame answer = answer_hello({4, 4, PeerRole::kAgent, "x"}, PeerRole::kClient);
  ASSERT_EQ(answer.kind, FrameKind::kReject);
  EXPECT_THAT(decode_reject(answer.body)->message,
              HasSubstr("wants to be agent but its key is allowed as client"));
}

// The bodies of the handshake must stay readable for every version.
TEST(Handshake, GoldenBytes_DoNotChange) {
  EXPECT_EQ(encode(Hello{1, 2, PeerRole::kAgent, "p"}),
            std::string("\1\0\2\0\2\1\0\0\0\0\0\0\0p", 14));
  EXPECT_EQ(encode(Welcome{1}), std::string("\1\0", 2));
  EXPECT_EQ(encode(Reject{"n"}), std::string("\1\0\0\0\0\0\0\0n", 9));
}

TEST(NextJobFrame, EveryField_ComesBack_AndACutOneIsRefused) {
  const NextJob next{JobId{7},
                     Attempt{2},
                     "/w/logs/a/attempt-2",
                     "/w/logs/a/attempt-2/config.yaml",
                     {"checkpoint=run/step-00000100", "output=r"}};
  const Frame frame = make_frame(next);
  EXPECT_EQ(frame.kind, FrameKind::kNextJob);
  EXPECT_EQ(unpack_frame(pack_frame(frame))->frame.kind, FrameKind::kNextJob);
  EXPECT_EQ(decode_next_job(frame.body).value(), next);
  for (std::size_t size = 0; size < frame.body.size(); ++size) {
    const auto cut = decode_next_job(std::string_view(frame.body).substr(0, size));
    EXPECT_EQ(cut.status().code(), ErrorCode::kDataLoss) << "cut at byte " << size;
  }
}

}  // namespace
}  // namespace tagalign::wire
