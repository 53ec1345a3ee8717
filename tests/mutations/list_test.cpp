// That the list of planted defects is whole and fits the sources, without building any of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <set>

#include "base/file_system.h"
#include "tests/mutations/mutations.h"

namespace tagalign::mutations {
namespace {

using testing::HasSubstr;

std::string read_text(const std::string& name) {
  std::ifstream file(Path(std::getenv("TAGALIGN_SOURCE")) / name);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(MutationList, EveryDefect_FitsItsSource) {
  const auto list = parse_mutations(read_text("tests/mutations/core.txt"));
  ASSERT_TRUE(list.ok()) << list.status().message();
  EXPECT_GE(list->size(), 20u);
  std::set<std::string> names;
  for (const Mutation& mutation : *list) {
    const auto planted = plant(mutation, read_text(mutation.file));
    EXPECT_TRUE(planted.ok()) << planted.status().message();
    EXPECT_NE(mutation.before, mutation.after) << mutation.name;
    EXPECT_TRUE(names.insert(mutation.name).second) << mutation.name;
  }
}

TEST(MutationList, TextThatIsNoList_IsRefused) {
  EXPECT_THAT(parse_mutations("- a\n").status().message(), HasSubstr("line 1: expected ="));
  EXPECT_THAT(parse_mutations("= a\nb\n").status().message(), HasSubstr("line 2: expected ="));
  EXPECT_THAT(parse_mutations("= a\n@ f\n").status().message(), HasSubstr("'a': expected a file"));
}

TEST(MutationList, TextThatStandsTwiceOrNowhere_IsRefused) {
  const Mutation mutation{"m", "f", "x", "y"};
  EXPECT_EQ(*plant(mutation, "axb"), "ayb");
  EXPECT_THAT(plant(mutation, "axbx").status().message(), HasSubstr("found it more often"));
  EXPECT_THAT(plant(mutation, "ab").status().message(), HasSubstr("found it nowhere"));
}

}  // namespace
}  // namespace tagalign::mutations
