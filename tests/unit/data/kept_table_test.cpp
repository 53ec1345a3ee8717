// The joined captions of a large set, kept for the next start.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/checksum.h"
#include "base/format.h"
#include "data/datasets/caption_dataset.h"
#include "tests/unit/data/temporary_folder.h"

namespace tagalign::data {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

/// A table of more than 64 MiB is kept, and found again by the names of what it was made from.
class KeptTableTest : public ::testing::Test {
 protected:
  KeptTableTest() {
    std::string csv = "file,caption\n";
    for (int i = 0; i < 66; ++i) csv += format("{}.png,{}\n", i, std::string(1 << 20, 'a'));
    large_.captions = folder_.write("large.csv", csv);
  }

  TemporaryFolder folder_;
  CaptionDatasetOptions large_{.root = folder_.path() / "images"};
};

TEST_F(KeptTableTest, DamagedTable_IsSaidAndMadeAgain) {
  const auto digest = CaptionDataset::open(posix_file_system(), large_)->digest();
  Path table;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_.path()))
    if (entry.path().extension() == ".records") table = entry.path();
  const auto whole = digest_file(posix_file_system(), table).value();
  std::fstream(table, std::ios::in | std::ios::out | std::ios::binary).seekp(99).put('\0');
  ASSERT_NE(digest_file(posix_file_system(), table).value(), whole);
  const auto again = CaptionDataset::open(posix_file_system(), large_);
  ASSERT_TRUE(again.ok()) << again.status().to_string();
  EXPECT_EQ(again->digest(), digest);
  EXPECT_THAT(again->notices(), Contains(table.string() + " was damaged and is made again"));
  EXPECT_EQ(digest_file(posix_file_system(), table).value(), whole);
  EXPECT_THAT(CaptionDataset::open(posix_file_system(), large_)->notices(),
              Not(Contains(HasSubstr("damaged"))));
}

TEST_F(KeptTableTest, NextStart_IsServed_AndNoOtherUseOfTheSameFiles) {
  auto as_tags = large_, as_attributes = large_;
  as_tags.tags = as_attributes.attributes = folder_.write("list.json", "{\"7\": [1]}");
  as_tags.tag_names = as_attributes.attribute_names = folder_.write("list.txt", "red\nold\n");
  std::string digest;
  for (int start = 0; start < 2; ++start) {
    const auto dataset = CaptionDataset::open(posix_file_system(), as_attributes);
    ASSERT_TRUE(dataset.ok()) << dataset.status().to_string();
    EXPECT_EQ(dataset->size(), 66U);
    EXPECT_THAT(dataset->record(7).attributes, ElementsAre(1));
    EXPECT_THAT(dataset->record(8).attributes, IsEmpty());
    if (start == 0) digest = dataset->digest();
    EXPECT_EQ(dataset->digest(), digest);
    std::size_t kept = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_.path()))
      kept += entry.path().extension() == ".records" ? 1 : 0;
    EXPECT_EQ(kept, 1U);
  }
  EXPECT_THAT(CaptionDataset::open(posix_file_system(), as_tags).status().message(),
              HasSubstr("only 1 record is left of 66"));
}

}  // namespace
}  // namespace tagalign::data
