/// Facts as lines of JSON, and the history of a state folder.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "coordinator/store/fact_json.h"
#include "coordinator/store/history.h"
#include "tests/unit/store/sample_facts.h"
#include "tests/unit/store/store_fixture.h"

namespace tagalign::store {
namespace {

using testing::HasSubstr;

TEST(FactJson, EverySample_ComesBackEqual) {
  std::uint64_t sequence = 0;
  for (const core::Fact& fact : sample_facts()) {
    const std::string line = fact_to_json(++sequence, fact);
    EXPECT_EQ(line.find('\n'), std::string::npos);
    const auto back = fact_from_json(line);
    ASSERT_TRUE(back.ok()) << line << "\n" << back.status().to_string();
    EXPECT_EQ(back->sequence, sequence);
    EXPECT_EQ(encode_fact(back->fact), encode_fact(fact)) << line;
  }
}

TEST(FactJson, Line_HasNamesWordsAndTimes) {
  const core::Fact fact{1'700'000'000'042,
                        core::AttemptClosed{.job = {3},
                                            .outcome = wire::Outcome::kRankKilled,
                                            .message = "killed",
                                            .next = core::Queued{5, 6}}};
  const auto json = nlohmann::json::parse(fact_to_json(7, fact));
  EXPECT_EQ(json["sequence"], 7);
  EXPECT_EQ(json["at"], "2023-11-14T22:13:20.042Z");
  EXPECT_EQ(json["at_ms"], 1'700'000'000'042);
  EXPECT_EQ(json["fact"], "attempt-closed");
  EXPECT_EQ(json["data"]["outcome"], "rank-killed");
  EXPECT_EQ(json["data"]["next"]["queued"]["not_before_ms"], 6);
  EXPECT_EQ(json["data"]["program_failures"], 0) << "also what is zero";
  EXPECT_TRUE(json["data"]["last_failed_step"].is_null());
}

TEST(FactJson, Result_CallsTheUnionByItsName) {
  const auto json =
      nlohmann::json::parse(fact_to_json(1, {1, core::ResultKnown{{1}, sample_result()}}));
  EXPECT_EQ(json["data"]["result"]["union"], nlohmann::json({3, 4}));
}

TEST(FactJson, WhatIsNoFact_IsRefusedWithItsReason) {
  const std::string good = fact_to_json(1, {1, core::JobHeld{{3}, "why"}});
  const auto refused = [](const std::string& line) {
    const auto read = fact_from_json(line);
    EXPECT_FALSE(read.ok()) << line;
    return read.ok() ? std::string() : read.status().message();
  };
  EXPECT_THAT(refused(""), HasSubstr("tagalign coordinator export"));
  EXPECT_THAT(refused("[1]"), HasSubstr("tagalign coordinator export"));
  const auto replaced = [&](const std::string& what, const std::string& by) {
    std::string line = good;
    return line.replace(line.find(what), what.size(), by);
  };
  EXPECT_THAT(refused(replaced("job-held", "job-flown")), HasSubstr("'job-flown' is not known"));
  EXPECT_THAT(refused(replaced("\"reason\"", "\"cause\"")), HasSubstr("'cause' is not known"));
  EXPECT_THAT(refused(replaced(":3", ":\"x\"")), HasSubstr("type"));
  for (std::size_t length = 0; length < good.size(); ++length) refused(good.substr(0, length));
}

using HistoryTest = StoreTest;

std::vector<std::string> history_of(const Path& folder, HistoryRange* range = nullptr) {
  std::vector<std::string> facts;
  const auto read = read_history(folder, [&](std::uint64_t, const core::Fact& fact) {
    facts.push_back(encode_fact(fact));
    return ok_status();
  });
  EXPECT_TRUE(read.ok()) << read.status().to_string();
  if (range && read.ok()) *range = *read;
  return facts;
}

TEST_F(HistoryTest, ArchivedAndLive_AreOneHistoryBesideACoordinator) {
  auto store = open();
  const std::vector<core::Fact> facts = sample_facts();
  for (std::size_t begin = 0; begin < facts.size(); begin += 10) {
    const std::size_t count = std::min<std::size_t>(10, facts.size() - begin);
    ASSERT_TRUE(store->append({facts.data() + begin, count}).ok());
    const auto end = facts.begin() + static_cast<std::ptrdiff_t>(begin + count);
    ASSERT_TRUE(store->save_snapshot(fold({facts.begin(), end})).ok());
  }
  EXPECT_NE(sql("SELECT min(sequence) FROM facts"), "1");
  std::vector<std::string> expected;
  for (const core::Fact& fact : facts) expected.push_back(encode_fact(fact));
  HistoryRange range;
  EXPECT_EQ(history_of(folder_, &range), expected);
  EXPECT_EQ(range.first, 1u);
  EXPECT_EQ(range.last, facts.size());
  store.reset();
  EXPECT_EQ(history_of(folder_), expected) << "and of one that is stopped";
}

TEST_F(HistoryTest, MissingFacts_AreCounted) {
  ASSERT_TRUE(open()->append(sample_facts()).ok());
  sql("DELETE FROM facts WHERE sequence IN (3, 4)");
  HistoryRange range;
  EXPECT_EQ(history_of(folder_, &range).size(), sample_facts().size() - 2);
  EXPECT_EQ(range.missing, 2u);
}

TEST_F(HistoryTest, FolderWithoutAStore_IsRefused) {
  const auto read =
      read_history(folder_, [](std::uint64_t, const core::Fact&) { return ok_status(); });
  EXPECT_EQ(read.status().code(), ErrorCode::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "coordinator.sqlite")) << "nothing is made";
}

}  // namespace
}  // namespace tagalign::store
