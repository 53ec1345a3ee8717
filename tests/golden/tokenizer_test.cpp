// The tokenizer against 5,759 texts of the official implementation (golden/tokenizer).
#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

#include "model/clip/tokenizer.h"
#include "tests/support/golden_files.h"

namespace tagalign::model {
namespace {

constexpr char kCases[] = "tokenizer/tokenizer.jsonl";

std::vector<nlohmann::json> read_cases() {
  std::istringstream lines(tagalign::testing::read_golden_bytes(kCases));
  std::vector<nlohmann::json> cases;
  for (std::string line; std::getline(lines, line);) cases.push_back(nlohmann::json::parse(line));
  return cases;
}

Tokenizer load_tokenizer() {
  return Tokenizer::load(posix_file_system(), default_vocabulary()).value();
}

TEST(TokenizerGolden, TextsThatNeedNoRepair_AllKinds_GiveReferenceIds) {
  TA_REQUIRE_GOLDEN(kCases);
  const Tokenizer tokenizer = load_tokenizer();
  int compared = 0;
  for (const auto& line : read_cases()) {
    if (line.value("ftfy_matters", false)) continue;
    const auto text = line.at("text").get<std::string>();
    EXPECT_EQ(tokenizer.encode(text), line.at("ids").get<std::vector<std::int32_t>>())
        << line.at("kind") << ": " << text;
    ++compared;
  }
  EXPECT_EQ(compared, 4603);
}

// Texts whose ids depend on ftfy. Wrongly decoded text (mojibake) is not repaired; everything else
// must be right.
TEST(TokenizerGolden, TextsThatNeedRepair_AllButMojibake_GiveReferenceIds) {
  TA_REQUIRE_GOLDEN(kCases);
  const Tokenizer tokenizer = load_tokenizer();
  int right = 0, all = 0;
  for (const auto& line : read_cases()) {
    if (!line.value("ftfy_matters", false)) continue;
    const auto text = line.at("text").get<std::string>();
    const auto kind = line.at("kind").get<std::string>();
    const bool equal = tokenizer.encode(text) == line.at("ids").get<std::vector<std::int32_t>>();
    if (!kind.starts_with("mojibake") && kind != "random-unicode") {
      EXPECT_TRUE(equal) << kind << ": " << text;
    }
    right += equal ? 1 : 0;
    ++all;
  }
  EXPECT_EQ(all, 1156);
  EXPECT_GE(right, 870);
}

}  // namespace
}  // namespace tagalign::model
