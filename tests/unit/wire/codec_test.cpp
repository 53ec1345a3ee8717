#include "coordinator/wire/codec.h"
#include "coordinator/wire/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/format.h"
#include "tests/support/message_fields.h"
#include "tests/support/sample_messages.h"

namespace tagalign::wire {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// What is decoded equals what was encoded, and the samples cover every alternative once.
template <class Message>
void expect_round_trips(const std::vector<Message>& samples,
                        Result<Message> (*decode)(std::string_view)) {
  ASSERT_EQ(samples.size(), std::variant_size_v<Message>);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    ASSERT_EQ(samples[i].index(), i);
    const std::string bytes = encode(samples[i]);
    const auto decoded = decode(bytes);
    ASSERT_TRUE(decoded.ok()) << decoded.status().message();
    EXPECT_TRUE(*decoded == samples[i]) << "alternative " << i;
    EXPECT_EQ(encode(*decoded), bytes);
  }
}

TEST(Codec, EveryMessage_EncodedAndDecoded_IsTheSame) {
  expect_round_trips(sample_requests(), decode_client_request);
  expect_round_trips(sample_replies(), decode_client_reply);
  expect_round_trips(sample_from_agent(), decode_from_agent);
  expect_round_trips(sample_to_agent(), decode_to_agent);
  expect_round_trips(sample_from_rank(), decode_from_rank);
  expect_round_trips(sample_to_rank(), decode_to_rank);
}

template <class Message>
void look_at_all(const std::vector<Message>& samples, const std::string& name,
                 DefaultsFinder& finder) {
  for (const Message& sample : samples) {
    finder.look_at(sample, format("{}[{}]", name, sample.index()));
  }
}

// Else a field that is forgotten in its list would be seen by no test.
TEST(Codec, Samples_EveryField_DiffersFromItsDefault) {
  DefaultsFinder finder;
  look_at_all(sample_requests(), "requests", finder);
  look_at_all(sample_replies(), "replies", finder);
  look_at_all(sample_from_agent(), "from_agent", finder);
  look_at_all(sample_to_agent(), "to_agent", finder);
  look_at_all(sample_from_rank(), "from_rank", finder);
  look_at_all(sample_to_rank(), "to_rank", finder);
  EXPECT_THAT(finder.found, IsEmpty());
}

TEST(Codec, SequencedEvent_EncodedAndDecoded_IsTheSame) {
  for (const AgentEvent& event : sample_agent_events()) {
    const auto decoded = decode_sequenced_event(encode(SequencedEvent{5, event}));
    ASSERT_TRUE(decoded.ok());
    EXPECT_TRUE(*decoded == (SequencedEvent{5, event})) << "alternative " << event.index();
  }
}

TEST(Codec, UnknownEnumerator_Decoded_IsDataLoss) {
  std::string bytes = encode(StopAttempt{{1}, {2}, StopMode::kKill, ""});
  bytes.at(4 + 8 + 4) = 77;  // variant index, job, attempt, mode
  const auto decoded = decode_to_agent(bytes);
  ASSERT_FALSE(decoded.ok());
  EXPECT_EQ(decoded.status().code(), ErrorCode::kDataLoss);
  EXPECT_THAT(decoded.status().message(), HasSubstr("77 names no known kind"));
}

TEST(Codec, UnknownAlternative_Decoded_IsDataLoss) {
  EXPECT_FALSE(decode_to_rank(std::string("\x63\0\0\0", 4)).ok());
  EXPECT_FALSE(decode_to_rank(std::string("\xff\xff\xff\xff", 4)).ok());
}

TEST(Codec, TrailingBytes_Decoded_AreRefused) {
  const auto decoded = decode_to_agent(encode(AckEvents{3}) + "x");
  ASSERT_FALSE(decoded.ok());
  EXPECT_THAT(decoded.status().message(), HasSubstr("1 bytes follow"));
}

TEST(Codec, SizeBeyondTheBody_Decoded_IsRefusedWithoutAllocating) {
  std::string bytes = encode(SaveAndLeave{"reason"});
  bytes.at(4 + 7) = 0x7f;  // the string's size: now 2^62
  const auto decoded = decode_to_rank(bytes);
  ASSERT_FALSE(decoded.ok());
  EXPECT_THAT(decoded.status().message(), HasSubstr("more bytes, found 6"));
}

// The layout is the format: a change here needs a new protocol version and a new line in format.md.
TEST(Codec, Version1_GoldenMessages_DoNotChange) {
  EXPECT_EQ(encode(AckEvents{0x0102}), std::string("\2\0\0\0\2\1\0\0\0\0\0\0", 12));
  EXPECT_EQ(encode(StopAttempt{{7}, {3}, StopMode::kSaveAndLeave, "hi"}),
            std::string("\1\0\0\0\7\0\0\0\0\0\0\0\3\0\0\0\1\2\0\0\0\0\0\0\0hi", 27));
  EXPECT_EQ(encode(ResultsRequest{"hi"}), std::string("\7\0\0\0\2\0\0\0\0\0\0\0hi", 14));
}

TEST(Json, EachReply_HoldsEveryFieldUnderItsName) {
  for (const ClientReply& reply : sample_replies()) {
    std::visit(
        [](const auto& message) {
          nlohmann::ordered_json json;
          to_json(json, message);
          visit_fields(
              [&](const char* name, const auto&) { EXPECT_TRUE(json.contains(name)) << name; },
              message);
        },
        reply);
  }
}

}  // namespace
}  // namespace tagalign::wire
