/// The targets of the guided fuzzers in every build: their seeds, damaged copies of them, and what
/// the fuzzers once found (tests/fuzz/guided/found/TARGET-WHAT).
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "base/file_system.h"
#include "tests/fuzz/guided/target.h"
#include "tests/fuzz/mutation.h"

namespace tagalign::fuzz {
namespace {

constexpr int kRounds = 3'000;

class GuidedFuzz : public ::testing::TestWithParam<const Target*> {};

TEST_P(GuidedFuzz, Seeds_AndDamagedCopies_NeverMisbehave) {
  const auto seeds = GetParam()->seeds();
  ASSERT_FALSE(seeds.empty());
  for (const std::string& seed : seeds) GetParam()->attack(seed);
  for (Rounds rounds(kRounds); rounds.more();) {
    const std::string& seed = seeds[below(rounds.random(), seeds.size())];
    GetParam()->attack(mutated(seed, rounds.random()));
  }
}

TEST_P(GuidedFuzz, WhatFuzzersFound_IsMended) {
  const Path folder = Path(std::getenv("TAGALIGN_SOURCE")) / "tests/fuzz/guided/found";
  if (!std::filesystem::exists(folder)) return;
  const std::string prefix = std::string(GetParam()->name) + "-";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (!entry.path().filename().string().starts_with(prefix)) continue;
    SCOPED_TRACE(entry.path().string());
    GetParam()->attack(posix_file_system().read_file(entry.path(), 1 << 20).value());
  }
}

INSTANTIATE_TEST_SUITE_P(Targets, GuidedFuzz, ::testing::ValuesIn(all_targets()),
                         [](const auto& target) { return std::string(target.param->name); });

}  // namespace
}  // namespace tagalign::fuzz
