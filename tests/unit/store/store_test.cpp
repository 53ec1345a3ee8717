#include "coordinator/store/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <unistd.h>

#include "coordinator/store/event_codec.h"
#include "coordinator/store/state_folder.h"
#include "tests/unit/store/sample_events.h"

namespace tagalign::store {
namespace {

using testing::HasSubstr;

class StoreTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "ta-store-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<Store> open(const StoreOptions& options = {}) {
    auto opened = open_store(folder_, options);
    EXPECT_TRUE(opened.ok()) << opened.status().to_string();
    return opened.ok() ? std::move(opened).value() : nullptr;
  }
  /// Runs SQL as a person with the sqlite3 program would; the first column of the last row.
  std::string sql(const std::string& text) {
    sqlite3* database = nullptr;
    std::string last;
    EXPECT_EQ(sqlite3_open((folder_ / "coordinator.sqlite").c_str(), &database), SQLITE_OK);
    const auto keep = [](void* target, int, char** values, char**) {
      *static_cast<std::string*>(target) = values[0] ? values[0] : "";
      return 0;
    };
    EXPECT_EQ(sqlite3_exec(database, text.c_str(), keep, &last, nullptr), SQLITE_OK)
        << sqlite3_errmsg(database);
    sqlite3_close(database);
    return last;
  }
  static std::vector<std::string> read_all(Store& store) {
    std::vector<std::string> found;
    const Status status = store.replay(
        [&](std::uint64_t, const core::Event& event) { found.push_back(encode_event(event)); });
    EXPECT_TRUE(status.ok()) << status.to_string();
    return found;
  }

  Path folder_;
};

TEST_F(StoreTest, Reopened_ReplaysWhatWasAppendedInOrder) {
  ASSERT_TRUE(open()->append(sample_events()).ok());
  auto store = open();
  ASSERT_TRUE(store->append(sample_events()).ok());
  EXPECT_EQ(store->event_count(), 2 * sample_events().size());
  std::vector<std::string> expected;
  for (int round = 0; round < 2; ++round) {
    for (const core::Event& event : sample_events()) expected.push_back(encode_event(event));
  }
  EXPECT_EQ(read_all(*store), expected);
}

TEST_F(StoreTest, Results_CanBeQueriedWhileTheStoreIsOpen) {
  auto store = open();
  ASSERT_TRUE(store->append(sample_events()).ok());
  ASSERT_TRUE(store->append(sample_events()).ok());
  EXPECT_EQ(sql("SELECT count(*) FROM results"), "1");
  EXPECT_EQ(sql("SELECT dataset || json_extract(json, '$.union[1]') FROM results"), "scenes4");
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
  core::Event big = sample_events().front();
  std::get<core::WorkflowSubmitted>(big.body).spec.jobs.front().config_yaml.assign(200'000, 'x');
  const std::vector<core::Event> batch{sample_events()[1], big};
  EXPECT_EQ(store->append(batch).code(), ErrorCode::kNoSpace);
  EXPECT_EQ(store->event_count(), 0u);
  ASSERT_TRUE(store->append(sample_events()).ok());
  EXPECT_EQ(read_all(*store).size(), sample_events().size());
}

TEST_F(StoreTest, DamagedRow_IsNamed) {
  ASSERT_TRUE(open()->append(sample_events()).ok());
  sql("UPDATE events SET payload = zeroblob(length(payload)) WHERE sequence = 4");
  const Status status = open()->replay([](std::uint64_t, const core::Event&) {});
  EXPECT_EQ(status.code(), ErrorCode::kDataLoss);
  EXPECT_THAT(status.message(), HasSubstr("row 4 of table events"));
}

TEST_F(StoreTest, MissingRow_IsNamed) {
  ASSERT_TRUE(open()->append(sample_events()).ok());
  sql("DELETE FROM events WHERE sequence = 2");
  const Status status = open()->replay([](std::uint64_t, const core::Event&) {});
  EXPECT_EQ(status.code(), ErrorCode::kDataLoss);
  EXPECT_THAT(status.message(), HasSubstr("expected row 2"));
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
