#include <gmock/gmock.h>

#include "base/file_system.h"
#include "configs/schema/document/choices.h"
#include "configs/schema/reading/keys.h"
#include "tests/unit/config/config_test_support.h"

namespace tagalign::config {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(KeysPage, Stored_IsWhatTheProgramWrites) {
  const auto stored = posix_file_system().read_file(source_folder() / "configs/KEYS.md", 1 << 20);
  ASSERT_TRUE(stored.ok()) << stored.status().message();
  EXPECT_EQ(*stored, keys_page())
      << "a key has changed: write the page again with  build/bin/config_keys > configs/KEYS.md";
}

TEST(KeysPage, EveryKey_SaysWhatItDoesAndWhetherNumbersDependOnIt) {
  EXPECT_THAT(keys_page(), Not(HasSubstr("|  | yes |")));
  EXPECT_THAT(keys_page(), Not(HasSubstr("|  | no |")));
}

TEST(KeysPage, Rows_NameTypeUnitDefaultRangeAndEffect) {
  EXPECT_THAT(keys_page(),
              HasSubstr("| `beta1` | number |  | `0.9` | 0 to below 1 | AdamW: decay of the first "
                        "moment | yes |\n"));
  EXPECT_THAT(keys_page(), HasSubstr("| `image_size` | integer | pixels | `224` | 16…1024 | "));
  EXPECT_THAT(keys_page(), HasSubstr("| `precision` | word |  | `fp32` | fp32, bf16 | "));
  EXPECT_THAT(keys_page(), HasSubstr("\n## `optimizer`: AdamW and its schedule, as in the "
                                     "reference (pretrain, train)\n"));
}

TEST(Choice, Word_IsTheOneOfTheTable) {
  EXPECT_EQ(word(Precision::kBf16), "bf16");
  EXPECT_EQ(word(CollectivesChoice::kNccl), "nccl");
  EXPECT_EQ(word(Attention::kMaskClip), "maskclip");
  EXPECT_EQ(format("{} {}", Protocol::kV3, LabelEncoding::kRgb16), "v3 rgb16");
}

}  // namespace
}  // namespace tagalign::config
