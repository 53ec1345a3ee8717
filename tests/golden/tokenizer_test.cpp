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

struct Counts {
  int compared = 0;
  int right = 0;
};

/// Compares the texts whose ids do, or do not, depend on ftfy.
Counts compare(bool ftfy_matters) {
  const Tokenizer tokenizer = load_tokenizer();
  Counts counts;
  for (const auto& line : read_cases()) {
    if (line.value("ftfy_matters", false) != ftfy_matters) continue;
    const auto text = line.at("text").get<std::string>();
    const bool equal = tokenizer.encode(text) == line.at("ids").get<std::vector<std::int32_t>>();
    EXPECT_TRUE(equal) << line.at("kind") << ": " << text;
    ++counts.compared;
    counts.right += equal ? 1 : 0;
  }
  return counts;
}

TEST(TokenizerGolden, TextsThatNeedNoRepair_AllKinds_GiveReferenceIds) {
  TA_REQUIRE_GOLDEN(kCases);
  const Counts counts = compare(false);
  EXPECT_EQ(counts.compared, 4603);
  EXPECT_EQ(counts.right, 4603);
}

TEST(TokenizerGolden, TextsThatNeedRepair_AllKinds_GiveReferenceIds) {
  TA_REQUIRE_GOLDEN(kCases);
  const Counts counts = compare(true);
  EXPECT_EQ(counts.compared, 1156);
  EXPECT_EQ(counts.right, 1156);
}

}  // namespace
}  // namespace tagalign::model
