/// What moves into archive.sqlite, when, and how it is read there.
#include <gmock/gmock.h>

#include "tests/unit/store/sample_facts.h"
#include "tests/unit/store/store_fixture.h"

namespace tagalign::store {
namespace {

class ArchiveTest : public StoreTest {
 protected:
  /// Appends all samples in `parts` parts with a snapshot after each.
  void append_samples(Store& store, std::size_t parts) {
    const std::vector<core::Fact> facts = sample_facts();
    for (std::size_t part = 0; part < parts; ++part) {
      const std::size_t begin = store.fact_count();
      const std::size_t end = facts.size() * (part + 1) / parts;
      ASSERT_TRUE(store.append({facts.data() + begin, end - begin}).ok());
      const auto until = facts.begin() + static_cast<std::ptrdiff_t>(end);
      const Status saved = store.save_snapshot(fold({facts.begin(), until}));
      ASSERT_TRUE(saved.ok()) << saved.to_string();
    }
  }
  std::string archived(const std::string& text) { return sql(text, "archive.sqlite"); }
};

TEST_F(ArchiveTest, FactsThatNoSnapshotNeeds_AreThereAndNotHere) {
  auto store = open();
  append_samples(*store, 3);
  const std::string first = sql("SELECT min(sequence) FROM facts");
  EXPECT_EQ(archived("SELECT min(sequence) FROM facts"), "1");
  EXPECT_EQ(archived("SELECT max(sequence) + 1 FROM facts"), first);
  EXPECT_EQ(archived("SELECT count(*) FROM facts"), archived("SELECT max(sequence) FROM facts"));
}

TEST_F(ArchiveTest, CrashBetweenTakingAndDeleting_IsTakenAgain) {
  auto store = open();
  append_samples(*store, 3);
  sql("CREATE TABLE kept AS SELECT * FROM facts");
  store.reset();
  const std::string before = archived("SELECT count(*) FROM facts");
  // As if the live database had not come to delete what the archive has.
  sql("ATTACH '" + (folder_ / "archive.sqlite").string() +
      "' AS archive; INSERT INTO facts SELECT * FROM archive.facts; DROP TABLE kept");
  store = open();
  EXPECT_EQ(read_all(*store).size(), sample_facts().size());
  ASSERT_TRUE(store->append({sample_facts().data(), 1}).ok());
  ASSERT_TRUE(store->save_snapshot(fold(sample_facts())).ok());
  EXPECT_EQ(archived("SELECT count(*) - count(DISTINCT sequence) FROM facts"), "0");
  EXPECT_GE(std::stoi(archived("SELECT count(*) FROM facts")), std::stoi(before));
}

TEST_F(ArchiveTest, ResultOfAnArchivedWorkflow_MovesAndStaysReadable) {
  auto store = open();
  append_samples(*store, 1);
  EXPECT_EQ(sql("SELECT group_concat(key) FROM results"), "k1");
  EXPECT_EQ(archived("SELECT group_concat(key) FROM results"), "k2");
  for (const std::string key : {"k1", "k2"}) {
    const auto result = store->result(key);
    ASSERT_TRUE(result.ok() && result->has_value()) << key;
    EXPECT_EQ((*result)->intersect, sample_result().intersect);
    EXPECT_EQ((*result)->protocol, sample_result().protocol);
  }
  const auto unknown = store->result("k3");
  ASSERT_TRUE(unknown.ok());
  EXPECT_FALSE(unknown->has_value());
}

TEST_F(ArchiveTest, BeyondItsBytes_TheOldestFactsGoAndResultsStay) {
  auto store = open({.bytes_max = {}, .archive_bytes_max = 200'000});
  core::State state;
  for (int round = 0; round < 200; ++round) {
    std::vector<core::Fact> facts;
    for (int i = 0; i < 50; ++i)
      facts.push_back({round, core::PoolChanged{"pool" + std::string(100, 'x'), {i, 1}}});
    for (const core::Fact& fact : facts) core::evolve(state, fact);
    ASSERT_TRUE(store->append(facts).ok());
    ASSERT_TRUE(store->save_snapshot(state).ok());
  }
  EXPECT_LT(std::filesystem::file_size(folder_ / "archive.sqlite"), 400'000u);
  EXPECT_LT(std::filesystem::file_size(folder_ / "coordinator.sqlite"), 400'000u);
  EXPECT_GT(std::stoi(archived("SELECT min(sequence) FROM facts")), 1);
  EXPECT_EQ(archived("SELECT max(sequence) FROM facts"), std::to_string(store->fact_count() - 50))
      << "the newest that left is there";
}

TEST_F(ArchiveTest, NewerArchive_IsRefused) {
  { auto store = open(); }
  archived("PRAGMA user_version = 9");
  const auto opened = open_store(folder_);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.status().code(), ErrorCode::kUnsupported);
  EXPECT_THAT(opened.status().message(), testing::HasSubstr("archive.sqlite"));
}

}  // namespace
}  // namespace tagalign::store
