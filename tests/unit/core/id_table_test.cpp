/// A map by number: what std::map does, with gaps and without.
#include "coordinator/core/id_table.h"

#include <gmock/gmock.h>

#include <limits>
#include <map>
#include <random>
#include <string>

#include "base/ids.h"

namespace tagalign::core {
namespace {

using Table = IdTable<JobId, std::string>;

std::map<std::uint64_t, std::string> contents(const Table& table) {
  std::map<std::uint64_t, std::string> values;
  for (const auto& [id, value] : table) values.emplace(id.value, value);
  return values;
}

TEST(IdTable, RandomNumbersComeAndGo_EqualsAMap) {
  std::mt19937 random(7);
  for (const std::uint64_t range : {40u, 400u, 1'000'000u}) {
    Table table;
    std::map<std::uint64_t, std::string> expected;
    for (int i = 0; i < 2'000; ++i) {
      const std::uint64_t id = random() % range;
      if (random() % 3 == 0) {
        EXPECT_EQ(table.erase({id}), expected.erase(id));
      } else {
        const auto [entry, added] = table.emplace({id}, std::to_string(i));
        EXPECT_EQ(added, expected.emplace(id, std::to_string(i)).second);
        EXPECT_EQ(entry->second, expected.at(id));
      }
      const std::uint64_t asked = random() % range;
      EXPECT_EQ(table.contains({asked}), expected.contains(asked));
      const auto next = expected.upper_bound(asked);
      const auto found = std::as_const(table).upper_bound({asked});
      ASSERT_EQ(found == std::as_const(table).end(), next == expected.end());
      if (next != expected.end()) {
        EXPECT_EQ(found->first.value, next->first);
      }
    }
    EXPECT_EQ(table.size(), expected.size());
    EXPECT_EQ(contents(table), expected);
    auto last = expected.rbegin();
    for (auto entry = table.rbegin(); entry != table.rend(); ++entry, ++last)
      EXPECT_EQ(entry->first.value, last->first);
    EXPECT_EQ(last, expected.rend());
  }
}

TEST(IdTable, References_StayWhileOthersComeAndGo) {
  Table table;
  table.emplace({500}, "kept");
  const std::string& kept = table.at({500});
  for (std::uint64_t id = 1; id < 2'000; ++id) table.emplace({id}, "other");
  for (std::uint64_t id = 1; id < 2'000; ++id) {
    if (id != 500) table.erase({id});
  }
  EXPECT_EQ(&table.at({500}), &kept);
  EXPECT_EQ(kept, "kept");
  EXPECT_EQ(table.size(), 1u);
}

TEST(IdTable, HighestNumber_TakesOnePage) {
  Table table;
  table.emplace({1}, "first");
  table.emplace({std::numeric_limits<std::uint64_t>::max()}, "last");
  EXPECT_EQ(table.rbegin()->second, "last");
  EXPECT_EQ(std::as_const(table).upper_bound(table.rbegin()->first), std::as_const(table).end());
}

TEST(IdTable, Copy_IsAValue) {
  Table table;
  table.emplace({1}, "one");
  Table copy = table;
  copy.at({1}) = "changed";
  copy.emplace({2}, "two");
  EXPECT_EQ(table.at({1}), "one");
  EXPECT_EQ(table.size(), 1u);
  table = std::move(copy);
  EXPECT_EQ(table.at({2}), "two");
}

TEST(IdTable, NumberThatIsNotThere_ThrowsAsAMapDoes) {
  const Table table;
  EXPECT_THROW((void)table.at({1}), std::out_of_range);
}

}  // namespace
}  // namespace tagalign::core
