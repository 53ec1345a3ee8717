#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "base/format.h"
#include "coordinator/store/event_codec.h"
#include "coordinator/store/memory_store.h"
#include "tests/unit/store/sample_events.h"

namespace tagalign::store {
namespace {

std::string hex(std::string_view bytes) {
  std::string text;
  for (char c : bytes) text += format("{:02x}", static_cast<unsigned char>(c));
  return text;
}

std::string encoded_samples() {
  std::string text;
  for (const core::Event& event : sample_events()) text += hex(encode_event(event)) + "\n";
  return text;
}

TEST(EventCodec, Version1_EqualsTheGoldenFile) {
  const Path path = Path(std::getenv("TAGALIGN_SOURCE")) / "tests/unit/store/data/events-v1.hex";
  std::ifstream file(path);
  const std::string golden{std::istreambuf_iterator<char>(file), {}};
  ASSERT_FALSE(golden.empty()) << path;
  EXPECT_EQ(encoded_samples(), golden) << "a change of the encoding is a new format version";
}

TEST(EventCodec, EverySample_ComesBackEqual) {
  for (const core::Event& event : sample_events()) {
    const std::string bytes = encode_event(event);
    const auto back = decode_event(kEventFormat, bytes);
    ASSERT_TRUE(back.ok()) << back.status().to_string();
    EXPECT_EQ(back->at_ms, event.at_ms);
    EXPECT_EQ(back->body.index(), event.body.index());
    EXPECT_EQ(encode_event(*back), bytes);
  }
}

TEST(EventCodec, TruncatedOrNewer_IsRefused) {
  const std::string bytes = encode_event(sample_events().front());
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_EQ(decode_event(kEventFormat, std::string_view(bytes).substr(0, length)).status().code(),
              ErrorCode::kDataLoss);
  }
  EXPECT_EQ(decode_event(2, bytes).status().code(), ErrorCode::kUnsupported);
}

TEST(MemoryStore, FailedAppend_StoresNothingAndDamageIsFound) {
  MemoryStore store;
  store.fail_appends(1);
  EXPECT_EQ(store.append(sample_events()).code(), ErrorCode::kNoSpace);
  EXPECT_EQ(store.event_count(), 0u);
  ASSERT_TRUE(store.append(sample_events()).ok());
  store.damage(3);
  const Status status = store.replay([](std::uint64_t, const core::Event&) {});
  EXPECT_EQ(status.code(), ErrorCode::kDataLoss);
  EXPECT_NE(status.message().find("event 3"), std::string::npos);
}

}  // namespace
}  // namespace tagalign::store
