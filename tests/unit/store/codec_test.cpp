#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <set>

#include "base/format.h"
#include "coordinator/store/fact_codec.h"
#include "tests/support/memory_store.h"
#include "tests/unit/store/sample_facts.h"

namespace tagalign::store {
namespace {

std::string hex(std::string_view bytes) {
  std::string text;
  for (char c : bytes) text += format("{:02x}", static_cast<unsigned char>(c));
  return text;
}

std::string read_text(const std::string& name) {
  std::ifstream file(Path(std::getenv("TAGALIGN_SOURCE")) / "tests/unit/store/data" / name);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string encoded_samples() {
  std::string text;
  for (const core::Fact& fact : sample_facts()) text += hex(encode_fact(fact)) + "\n";
  return text;
}

TEST(FactCodec, Version6_EqualsTheGoldenFile) {
  EXPECT_EQ(encoded_samples(), read_text("facts-v6.hex"))
      << "a change of the encoding is a new format version";
}

TEST(FactCodec, EveryAlternative_IsSampled) {
  std::set<std::size_t> seen;
  for (const core::Fact& fact : sample_facts()) seen.insert(fact.body.index());
  EXPECT_EQ(seen.size(), std::variant_size_v<core::FactBody>);
}

TEST(FactCodec, EverySample_ComesBackEqual) {
  for (const core::Fact& fact : sample_facts()) {
    const std::string bytes = encode_fact(fact);
    const auto back = decode_fact(kFactFormat, bytes);
    ASSERT_TRUE(back.ok()) << back.status().to_string();
    EXPECT_EQ(back->at_ms, fact.at_ms);
    EXPECT_EQ(back->body.index(), fact.body.index());
    EXPECT_EQ(encode_fact(*back), bytes);
  }
}

TEST(FactCodec, TruncatedUnknownOrOtherFormat_IsRefused) {
  const std::string bytes = encode_fact(sample_facts().front());
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    const auto cut = decode_fact(kFactFormat, std::string_view(bytes).substr(0, length));
    if (!cut.ok()) {
      EXPECT_EQ(cut.status().code(), ErrorCode::kDataLoss);
    }
  }
  EXPECT_EQ(decode_fact(kFactFormat, bytes + std::string("\x63\0\0\0\0", 5)).status().code(),
            ErrorCode::kDataLoss);
  EXPECT_EQ(decode_fact(kFactFormat + 1, bytes).status().code(), ErrorCode::kUnsupported);
  EXPECT_THAT(decode_fact(1, bytes).status().message(), testing::HasSubstr("empty state folder"));
}

TEST(MemoryStore, FailedAppend_StoresNothingAndDamageIsFound) {
  MemoryStore store;
  store.fail_appends(1);
  EXPECT_EQ(store.append(sample_facts()).code(), ErrorCode::kNoSpace);
  EXPECT_EQ(store.fact_count(), 0u);
  ASSERT_TRUE(store.append(sample_facts()).ok());
  store.damage(3);
  const Status status = store.replay(0, [](std::uint64_t, const core::Fact&) {});
  EXPECT_EQ(status.code(), ErrorCode::kDataLoss);
  EXPECT_NE(status.message().find("fact 3"), std::string::npos);
}

}  // namespace
}  // namespace tagalign::store
