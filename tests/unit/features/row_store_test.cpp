// Tables of rows in a folder: they grow to their bound, and nothing that befalls them is an error.
#include "worker/features/row_store.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "tests/unit/features/row_fixture.h"

namespace tagalign::jobs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::uint64_t kPlenty = 1ull << 30;

class RowStoreTest : public RowTest {
 protected:
  RowStore store(std::uint64_t bytes_max = kPlenty, const std::string& kind = "weights") {
    return RowStore(files_, clock_, {home_ / "cache", kind_of(kind), bytes_max}, opener());
  }

  /// How many of the first `count` rows are there, each as it was kept.
  static std::uint64_t known(RowStore& store, std::uint64_t count) {
    std::uint64_t yes = 0;
    (void)store.look_again();
    for (std::uint64_t number = 0; number < count; ++number) {
      Row row(kRowBytes);
      if (!store.find(key_of(number), row)) continue;
      EXPECT_EQ(row, row_of(number)) << number;
      ++yes;
    }
    return yes;
  }
  static void keep(RowStore& store, std::uint64_t first, std::uint64_t end) {
    for (std::uint64_t number = first; number < end; ++number)
      store.keep(key_of(number), row_of(number));
  }
  std::vector<std::string> names() const { return files_.list_directory(home_ / "cache").value(); }
  std::uint64_t bytes_there() const {
    std::uint64_t sum = 0;
    for (const auto& name : names()) sum += std::filesystem::file_size(home_ / "cache" / name);
    return sum;
  }
  Path table(std::uint64_t slots) const {
    return home_ / "cache" / format("captions-{}-{}.rows", kind_of().made_from.hex(), slots);
  }
};

TEST_F(RowStoreTest, FolderThatIsNotThere_HasNoRows_AndNothingToSay) {
  RowStore empty = store();
  EXPECT_EQ(known(empty, 10), 0u);
  EXPECT_THAT(empty.take_notices(), IsEmpty());
  EXPECT_FALSE(files_.exists(home_ / "cache")) << "reading makes no files";
}

TEST_F(RowStoreTest, MoreRowsThanATableHolds_GoOnInOneFourTimesAsLarge) {
  {
    RowStore first = store();
    keep(first, 0, 8'000);
    EXPECT_EQ(known(first, 8'000), 8'000u);
    EXPECT_THAT(first.take_notices(), IsEmpty());
    EXPECT_FALSE(first.is_full());
  }
  EXPECT_TRUE(files_.exists(table(4096)));
  EXPECT_TRUE(files_.exists(table(16384)));
  EXPECT_THAT(names(), SizeIs(2));
  RowStore later = store();
  EXPECT_EQ(known(later, 8'000), 8'000u);
}

TEST_F(RowStoreTest, SmallerTables_AreFilledUpFirst) {
  RowStore one = store();
  keep(one, 0, 8'000);
  const auto slots = RowTable::open(open_row_file, table(4096), kind_of(), 4096);
  std::uint64_t in_the_first = 0;
  for (std::uint64_t number = 0; number < 8'000; ++number) {
    Row row(kRowBytes);
    in_the_first += slots->find(key_of(number), row).value() == RowTable::Found::kYes ? 1 : 0;
  }
  EXPECT_GT(in_the_first, 4096u * 97 / 100);
}

TEST_F(RowStoreTest, Bound_IsNeverPassed_AndWhatFoundAPlaceStays) {
  for (const std::uint64_t bytes_max : {0ull, 10'000ull, 200'000ull, 1'000'000ull, 2'000'000ull}) {
    SCOPED_TRACE(bytes_max);
    std::filesystem::remove_all(home_ / "cache");
    RowStore bounded = store(bytes_max);
    keep(bounded, 0, 30'000);
    EXPECT_TRUE(bounded.is_full());
    EXPECT_LE(bytes_there(), bytes_max);
    EXPECT_THAT(bounded.take_notices(), IsEmpty());
    const std::uint64_t places = bytes_there() / 80;
    EXPECT_GE(known(bounded, 30'000), places * 9 / 10 - std::min<std::uint64_t>(places, 200));
  }
}

TEST_F(RowStoreTest, TwoThatShareAFolder_FindEachOthersRows_AndShareTheBound) {
  RowStore one = store(), other = store();
  keep(one, 0, 100);
  EXPECT_EQ(known(other, 100), 100u);
  keep(other, 100, 7'000);
  EXPECT_EQ(known(one, 7'000), 7'000u);
  keep(one, 7'000, 8'000);
  EXPECT_EQ(known(other, 8'000), 8'000u);
  EXPECT_THAT(names(), SizeIs(2));
}

TEST_F(RowStoreTest, RowsOfAnotherKind_AreNotTaken) {
  RowStore one = store();
  keep(one, 0, 100);
  RowStore other = store(kPlenty, "other weights");
  EXPECT_EQ(known(other, 100), 0u);
  std::filesystem::copy(
      table(4096),
      home_ / "cache" / format("captions-{}-4096.rows", kind_of("other weights").made_from.hex()));
  EXPECT_EQ(known(other, 100), 100u) << "keys tell kinds apart, which the caller makes of both";
}

TEST_F(RowStoreTest, TablesThatNobodyUses_MakeRoomForAnotherKind_FreshOnesDoNot) {
  constexpr std::uint64_t kRoom = 400'000;  // for one table of 4,096 rows and little more
  RowStore old = store(kRoom);
  keep(old, 0, 10);
  ASSERT_THAT(names(), SizeIs(1));
  const auto now = modified_ms(table(4096)).value();
  clock_ = ManualClock(now + RowStore::kUnusedMs - 1'000);
  RowStore early = store(kRoom, "other weights");
  keep(early, 0, 2'000);
  EXPECT_TRUE(files_.exists(table(4096)));
  EXPECT_TRUE(early.is_full());
  clock_ = ManualClock(now + RowStore::kUnusedMs + 1'000);
  RowStore late = store(kRoom, "new weights");
  keep(late, 0, 2'000);
  EXPECT_FALSE(files_.exists(table(4096)));
  EXPECT_EQ(known(late, 2'000), 2'000u);
  EXPECT_LE(bytes_there(), kRoom);
  EXPECT_EQ(known(old, 10), 10u) << "who has a table open keeps it";
}

TEST_F(RowStoreTest, DamagedRows_AreUnknown_ToldOnceByName_AndKeptAgain) {
  RowStore first = store();
  keep(first, 0, 50);
  const std::string whole = contents(table(4096));
  for (std::size_t at = 4096; at < whole.size(); at += 80)
    if (whole[at + 20] != 0) overwrite(table(4096), at + 20, std::string(1, '\0'));
  RowStore later = store();
  EXPECT_LT(known(later, 50), 5u);
  EXPECT_THAT(later.take_notices(),
              ElementsAre(testing::AllOf(HasSubstr(table(4096).string()), HasSubstr("checksum"))));
  keep(later, 0, 50);
  EXPECT_EQ(known(later, 50), 50u);
  EXPECT_THAT(later.take_notices(), IsEmpty());
}

TEST_F(RowStoreTest, FullDisk_EndsTheKeeping_IsToldOnce_AndTheRowsBeforeItStay) {
  faults_.writes_left = 21;  // the head, and 20 rows
  faults_.torn = true;
  RowStore first = store();
  keep(first, 0, 60);
  EXPECT_EQ(known(first, 60), 20u);
  EXPECT_THAT(first.take_notices(), ElementsAre(HasSubstr("not kept"), HasSubstr("checksum")));
  faults_.writes_left = 1'000;
  keep(first, 0, 60);
  EXPECT_EQ(known(first, 60), 20u) << "this process has given up";
  RowStore later = store();
  keep(later, 0, 60);
  EXPECT_EQ(known(later, 60), 60u);
}

TEST_F(RowStoreTest, DiskThatCannotBeRead_IsToldOnce_AndItsTableIsLeftAlone) {
  RowStore first = store();
  keep(first, 0, 50);
  RowStore later = store();
  (void)later.look_again();
  faults_.fail_reads = true;
  EXPECT_EQ(known(later, 50), 0u);
  EXPECT_THAT(later.take_notices(), ElementsAre(HasSubstr("the disk fails")));
  const int opened = faults_.opened;
  EXPECT_EQ(known(later, 50), 0u);
  EXPECT_EQ(faults_.opened, opened);
  EXPECT_THAT(later.take_notices(), IsEmpty());
}

TEST_F(RowStoreTest, FolderThatCannotBeMadeOrListed_IsToldOnce) {
  std::ofstream(home_ / "cache") << "a file";
  RowStore first = store();
  EXPECT_EQ(known(first, 10), 0u);
  keep(first, 0, 10);
  EXPECT_EQ(known(first, 10), 0u);
  EXPECT_THAT(first.take_notices(), testing::Contains(HasSubstr("not kept")).Times(1));
}

TEST_F(RowStoreTest, PowerCut_LosesRowsAtMost) {
  RowStore before = store();
  keep(before, 0, 2'000);
  const std::string whole = contents(table(4096));
  for (std::size_t at = 0; at < whole.size(); at += 3 * 4096)  // pages that never reached the disk
    overwrite(table(4096), at, std::string(std::min<std::size_t>(4096, whole.size() - at), '\0'));
  RowStore after = store();
  const std::uint64_t left = known(after, 2'000);
  EXPECT_GT(left, 1'000u);
  EXPECT_LT(left, 1'500u);
  keep(after, 0, 2'000);
  EXPECT_EQ(known(after, 2'000), 2'000u);
}

TEST_F(RowStoreTest, NamesOfOthers_StayUntouched) {
  RowStore one = store();
  keep(one, 0, 10);
  const std::string key = kind_of().made_from.hex();
  for (const std::string& name :
       {"labels-000001-" + key + ".safetensors", "captions-" + key + "-x.rows",
        "captions-" + key + "-7.rows", "captions-" + key + "-99999999999999999999.rows",
        std::string("captions.rows")})
    std::ofstream(home_ / "cache" / name) << "x";
  RowStore later = store();
  EXPECT_EQ(known(later, 10), 10u);
  keep(later, 10, 20);
  EXPECT_THAT(later.take_notices(), IsEmpty());
  EXPECT_THAT(names(), SizeIs(6));
}

}  // namespace
}  // namespace tagalign::jobs
