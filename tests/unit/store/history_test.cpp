/// The history that a program of this version wrote, folded by a program that holds no rule at all:
/// this test links the store and the history, not decide().
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "base/file_system.h"
#include "coordinator/store/fact_codec.h"

namespace tagalign::store {
namespace {

std::ifstream golden(const std::string& name) {
  return std::ifstream(Path(std::getenv("TAGALIGN_SOURCE")) / "tests/unit/store/data" / name);
}

std::string unhex(const std::string& line) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < line.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(line.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

core::State fold_golden(std::uint32_t version) {
  core::State state;
  std::ifstream file = golden("facts-v" + std::to_string(version) + ".hex");
  for (std::string line; std::getline(file, line);) {
    const auto fact = decode_fact(version, unhex(line));
    EXPECT_TRUE(fact.ok()) << fact.status().to_string();
    if (fact.ok()) core::evolve(state, *fact);
  }
  return state;
}

class History : public testing::TestWithParam<std::uint32_t> {};

TEST_P(History, GoldenLog_FoldsToItsDump) {
  std::ifstream file = golden("facts-v" + std::to_string(GetParam()) + ".dump");
  const std::string expected{std::istreambuf_iterator<char>(file), {}};
  ASSERT_FALSE(expected.empty());
  EXPECT_EQ(core::dump(fold_golden(GetParam())), expected)
      << "an old log must give the state that it gave";
}

TEST_P(History, SnapshotOfTheGoldenState_ComesBackWithItsIndex) {
  const core::State state = fold_golden(GetParam());
  const auto back = decode_snapshot(kFactFormat, encode_snapshot(state));
  ASSERT_TRUE(back.ok()) << back.status().to_string();
  EXPECT_EQ(core::dump(*back), core::dump(state));
  EXPECT_EQ(back->index.live, state.index.live);
  EXPECT_EQ(back->index.orphans, state.index.orphans);
  EXPECT_EQ(back->index.tokens, state.index.tokens);
}

INSTANTIATE_TEST_SUITE_P(Formats, History, testing::Values(2U, 3U, 4U, 5U, kFactFormat));

}  // namespace
}  // namespace tagalign::store
