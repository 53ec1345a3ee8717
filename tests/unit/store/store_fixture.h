/// A state folder of its own for each test, and a person's sqlite3 that looks into it.
#pragma once

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "coordinator/store/fact_codec.h"
#include "coordinator/store/store.h"

namespace tagalign::store {

inline core::State fold(const std::vector<core::Fact>& facts) {
  core::State state;
  for (const core::Fact& fact : facts) core::evolve(state, fact);
  return state;
}

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
  std::string sql(const std::string& text, const std::string& file = "coordinator.sqlite") {
    sqlite3* database = nullptr;
    std::string last;
    EXPECT_EQ(sqlite3_open((folder_ / file).c_str(), &database), SQLITE_OK);
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
        0, [&](std::uint64_t, const core::Fact& fact) { found.push_back(encode_fact(fact)); });
    EXPECT_TRUE(status.ok()) << status.to_string();
    return found;
  }

  Path folder_;
};

}  // namespace tagalign::store
