#include "coordinator/store/store.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include "coordinator/store/fact_codec.h"
#include "coordinator/store/state_folder.h"
#include "tests/unit/store/sample_facts.h"
#include "tests/unit/store/store_fixture.h"

namespace tagalign::store {
namespace {

using testing::HasSubstr;

TEST_F(StoreTest, Reopened_ReplaysWhatWasAppendedInOrder) {
  ASSERT_TRUE(open()->append(sample_facts()).ok());
  auto store = open();
  ASSERT_TRUE(store->append(sample_facts()).ok());
  EXPECT_EQ(store->fact_count(), 2 * sample_facts().size());
  std::vector<std::string> expected;
  for (int round = 0; round < 2; ++round) {
    for (const core::Fact& fact : sample_facts()) expected.push_back(encode_fact(fact));
  }
  EXPECT_EQ(read_all(*store), expected);
}

TEST_F(StoreTest, Results_CanBeQueriedWhileTheStoreIsOpen) {
  auto store = open();
  ASSERT_TRUE(store->append(sample_facts()).ok());
  ASSERT_TRUE(store->append(sample_facts()).ok());
  EXPECT_EQ(sql("SELECT count(*) FROM results"), "2");
  EXPECT_EQ(sql("SELECT dataset || json_extract(json, '$.union[1]') FROM results WHERE key = 'k1'"),
            "scenes4");
}

TEST_F(StoreTest, SecondHolder_IsRefusedWithThePid) {
  auto store = open();
  const auto second = open_store(folder_);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.status().code(), ErrorCode::kAlreadyExists);
  EXPECT_THAT(second.status().message(), HasSubstr("pid " + std::to_string(getpid())));
}

TEST_F(StoreTest, DiskFull_KeepsNothingOfTheBatchAndGoesOnLater) {
  { auto store = open(); }
  auto store = open({64 * 1024});
  core::Fact big = sample_facts().front();
  std::get<core::WorkflowTaken>(big.body).jobs.front().spec.config_yaml.assign(200'000, 'x');
  const std::vector<core::Fact> batch{sample_facts()[1], big};
  EXPECT_EQ(store->append(batch).code(), ErrorCode::kNoSpace);
  EXPECT_EQ(store->fact_count(), 0u);
  ASSERT_TRUE(store->append(sample_facts()).ok());
  EXPECT_EQ(read_all(*store).size(), sample_facts().size());
}

TEST_F(StoreTest, DamagedRow_IsNamed) {
  ASSERT_TRUE(open()->append(sample_facts()).ok());
  sql("UPDATE facts SET payload = zeroblob(length(payload)) WHERE sequence = 4");
  const Status status = open()->replay(0, [](std::uint64_t, const core::Fact&) {});
  EXPECT_EQ(status.code(), ErrorCode::kDataLoss);
  EXPECT_THAT(status.message(), HasSubstr("row 4 of table facts"));
}

TEST_F(StoreTest, MissingRow_IsNamed) {
  ASSERT_TRUE(open()->append(sample_facts()).ok());
  sql("DELETE FROM facts WHERE sequence = 2");
  const Status status = open()->replay(0, [](std::uint64_t, const core::Fact&) {});
  EXPECT_EQ(status.code(), ErrorCode::kDataLoss);
  EXPECT_THAT(status.message(), HasSubstr("expected row 2"));
}

TEST_F(StoreTest, Snapshot_FactsBehindIt_GiveTheSameState) {
  auto store = open();
  const auto facts = sample_facts();
  ASSERT_TRUE(store->append({facts.data(), 10}).ok());
  ASSERT_TRUE(store->save_snapshot(fold({facts.begin(), facts.begin() + 10})).ok());
  ASSERT_TRUE(store->append({facts.data() + 10, facts.size() - 10}).ok());
  store.reset();
  const auto loaded = load_state(*open());
  ASSERT_TRUE(loaded.ok()) << loaded.status().to_string();
  EXPECT_EQ(loaded->sequence, 10u);
  EXPECT_EQ(core::dump(loaded->state), core::dump(fold(facts)));
}

TEST_F(StoreTest, DamagedSnapshot_TheOlderOneIsUsed) {
  const auto facts = sample_facts();
  {
    auto store = open();
    for (const std::size_t count : {10, 5}) {
      const std::size_t begin = store->fact_count();
      ASSERT_TRUE(store->append({facts.data() + begin, count}).ok());
      ASSERT_TRUE(
          store
              ->save_snapshot(
                  fold({facts.begin(), facts.begin() + static_cast<std::ptrdiff_t>(begin + count)}))
              .ok());
    }
  }
  EXPECT_EQ(sql("SELECT min(sequence) FROM facts"), "11") << "what nobody needs is gone";
  sql("UPDATE snapshots SET payload = zeroblob(length(payload)) WHERE sequence = 15");
  const auto loaded = load_state(*open());
  ASSERT_TRUE(loaded.ok()) << loaded.status().to_string();
  EXPECT_EQ(loaded->sequence, 10u);
  EXPECT_EQ(core::dump(loaded->state), core::dump(fold({facts.begin(), facts.begin() + 15})));
}

TEST_F(StoreTest, PreviewSchema_IsRefusedWithAWayOut) {
  { auto store = open(); }
  sql("PRAGMA user_version = 1");
  EXPECT_THAT(open_store(folder_).status().message(), HasSubstr("move the state folder away"));
}

TEST_F(StoreTest, NewerSchema_IsRefused) {
  { auto store = open(); }
  sql("PRAGMA user_version = 99");
  const auto opened = open_store(folder_);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.status().code(), ErrorCode::kUnsupported);
}

TEST_F(StoreTest, NoDatabase_IsRefused) {
  { auto lock = FolderLock::acquire(folder_); }
  FILE* file = fopen((folder_ / "coordinator.sqlite").c_str(), "w");
  ASSERT_NE(file, nullptr);
  for (int i = 0; i < 1000; ++i) fputs("not a database ", file);
  fclose(file);
  const auto opened = open_store(folder_);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.status().code(), ErrorCode::kDataLoss);
}

TEST(NetworkFileSystem, KnownMagicNumbers_HaveNames) {
  EXPECT_STREQ(network_file_system_name(0x6969), "nfs");
  EXPECT_STREQ(network_file_system_name(0x0BD00BD0), "lustre");
  EXPECT_EQ(network_file_system_name(0xEF53), nullptr) << "ext4 is local";
}

}  // namespace
}  // namespace tagalign::store
