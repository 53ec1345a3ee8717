// A file of rows: what comes back is what was kept, or nothing.
#include "worker/features/row_table.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <cstring>

#include "tests/unit/features/row_fixture.h"

namespace tagalign::jobs {
namespace {

using testing::StartsWith;
using Found = RowTable::Found;

constexpr std::uint64_t kHead = 4096, kRecord = 16 + 56 + 8;

class RowTableTest : public RowTest {
 protected:
  RowTable open(std::uint64_t slots = 64, const std::string& kind = "weights") {
    auto table = RowTable::open(opener(), path(), kind_of(kind), slots);
    TA_CHECK(table.ok(), table.status().to_string());
    return std::move(*table);
  }
  Path path() const { return home_ / "table.rows"; }

  /// kYes only for the row that was kept.
  static Found found(const RowTable& table, std::uint64_t number) {
    Row row(kRowBytes);
    const auto found = table.find(key_of(number), row);
    TA_CHECK(found.ok(), found.status().to_string());
    if (*found == Found::kYes) {
      EXPECT_EQ(row, row_of(number)) << number;
    }
    return *found;
  }
  static bool keep(RowTable& table, std::uint64_t number) {
    const auto kept = table.keep(key_of(number), row_of(number));
    TA_CHECK(kept.ok(), kept.status().to_string());
    return *kept;
  }
  /// Where the only row lies.
  std::uint64_t place_of_the_row() const {
    const std::string bytes = contents(path());
    for (std::uint64_t at = kHead; at < bytes.size(); at += kRecord) {
      if (bytes.compare(at, 16, std::string(16, '\0')) != 0) return at;
    }
    return 0;
  }
};

TEST_F(RowTableTest, KeptRows_ComeBack_AlsoToWhoOpensTheFileLater) {
  {
    RowTable table = open();
    EXPECT_EQ(found(table, 1), Found::kNo);
    for (const std::uint64_t number : {1, 2, 3}) EXPECT_TRUE(keep(table, number));
    EXPECT_TRUE(keep(table, 2)) << "again";
    for (const std::uint64_t number : {1, 2, 3}) EXPECT_EQ(found(table, number), Found::kYes);
  }
  const RowTable later = open();
  for (const std::uint64_t number : {1, 2, 3}) EXPECT_EQ(found(later, number), Found::kYes);
  EXPECT_EQ(found(later, 4), Found::kNo);
}

TEST_F(RowTableTest, TwoThatHaveItOpen_SeeEachOthersRows) {
  RowTable one = open(), other = open();
  EXPECT_TRUE(keep(one, 1));
  EXPECT_TRUE(keep(other, 2));
  EXPECT_EQ(found(other, 1), Found::kYes);
  EXPECT_EQ(found(one, 2), Found::kYes);
}

TEST_F(RowTableTest, File_HasTheLayoutOfTheFormat) {
  RowTable table = open(64);
  ASSERT_TRUE(keep(table, 7));
  const std::string bytes = contents(path());
  ASSERT_EQ(bytes.size(), kHead + 64 * kRecord);
  EXPECT_THAT(bytes,
              StartsWith(format("tagalign-captions 1\nmade_from {}\nrow_bytes 52\nslots 64\n",
                                kind_of().made_from.hex()) +
                         std::string(8, '\0')));
  const Digest128 key = key_of(7);
  const std::uint64_t slot = key.low % (64 - 16 + 1);
  std::string expected(kRecord, '\0');
  std::memcpy(expected.data(), &key.high, 8);
  std::memcpy(expected.data() + 8, &key.low, 8);
  std::memcpy(expected.data() + 16, row_of(7).data(), kRowBytes);
  const std::uint64_t check = digest64(as_bytes(std::string_view(expected).substr(0, 72)));
  std::memcpy(expected.data() + 72, &check, 8);
  EXPECT_EQ(bytes.substr(kHead + slot * kRecord, kRecord), expected);
}

TEST_F(RowTableTest, UnwrittenRows_TakeNoRoomOnTheDisk) {
  (void)open(1'000'000);
  struct stat info {};
  ASSERT_EQ(::stat(path().c_str(), &info), 0);
  EXPECT_EQ(info.st_size, static_cast<off_t>(RowTable::bytes_of(kind_of(), 1'000'000)));
  EXPECT_LT(info.st_blocks * 512, 1 << 20);
  EXPECT_EQ(RowTable::slots_in(kind_of(), static_cast<std::uint64_t>(info.st_size)), 1'000'000u);
}

TEST_F(RowTableTest, AnyFlippedBitOfARow_MakesItUnknown_UntilItIsKeptAgain) {
  RowTable table = open();
  ASSERT_TRUE(keep(table, 7));
  const std::uint64_t at = place_of_the_row();
  const std::string whole = contents(path()).substr(at, kRecord);
  int damaged = 0;
  for (std::size_t bit = 0; bit < 8 * kRecord; ++bit) {
    std::string flipped = whole;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    overwrite(path(), at, flipped);
    const Found now = found(table, 7);
    EXPECT_EQ(now, bit < 128 ? Found::kNo : Found::kDamaged) << bit;
    damaged += now == Found::kDamaged ? 1 : 0;
    ASSERT_TRUE(keep(table, 7)) << bit;
    EXPECT_EQ(found(table, 7), Found::kYes) << bit;
    overwrite(path(), at, whole);
    overwrite(path(), at + kRecord, std::string(kRecord, '\0'));
  }
  EXPECT_EQ(damaged, 8 * 64);
}

TEST_F(RowTableTest, WriteThatWasTorn_LeavesAnUnknownRow_ForWhichThereIsAPlaceAgain) {
  RowTable table = open();
  faults_.writes_left = 0;
  faults_.torn = true;
  EXPECT_EQ(table.keep(key_of(7), row_of(7)).status().code(), ErrorCode::kNoSpace);
  EXPECT_EQ(found(table, 7), Found::kDamaged);
  faults_.writes_left = 1;
  EXPECT_TRUE(keep(table, 7));
  EXPECT_EQ(found(table, 7), Found::kYes);
}

TEST_F(RowTableTest, FullNeighbourhood_TakesNoMore_UntilOneOfItsRowsIsDamaged) {
  RowTable table = open(RowTable::kPlaces);  // all rows are neighbours
  for (std::uint64_t number = 0; number < RowTable::kPlaces; ++number)
    ASSERT_TRUE(keep(table, number));
  EXPECT_FALSE(keep(table, 100));
  overwrite(path(), kHead + 3 * kRecord + 40, "x");
  EXPECT_TRUE(keep(table, 100));
  EXPECT_EQ(found(table, 100), Found::kYes);
  for (std::uint64_t number = 0; number < RowTable::kPlaces; ++number)
    EXPECT_EQ(found(table, number), number == 3 ? Found::kNo : Found::kYes) << number;
}

TEST_F(RowTableTest, FileThatIsCutWhileItIsOpen_IsAnErrorAndNoSignal) {
  RowTable table = open(1'000);
  for (std::uint64_t number = 0; number < 300; ++number) (void)keep(table, number);
  std::filesystem::resize_file(path(), 100);
  int errors = 0;
  for (std::uint64_t number = 0; number < 300; ++number) {
    Row row(kRowBytes);
    const auto got = table.find(key_of(number), row);
    if (got.ok()) {
      EXPECT_NE(*got, Found::kYes) << number;
    } else {
      ++errors;
    }
  }
  EXPECT_GT(errors, 250);
}

TEST_F(RowTableTest, FileThatWasCutOrZeroed_IsMadeWhole_AndItsOtherRowsCount) {
  {
    RowTable table = open(1'000);
    for (std::uint64_t number = 0; number < 300; ++number) ASSERT_TRUE(keep(table, number));
  }
  std::filesystem::resize_file(path(), kHead + 500 * kRecord + 33);
  overwrite(path(), 0, std::string(kHead + 20 * kRecord, '\0'));
  RowTable table = open(1'000);
  EXPECT_EQ(std::filesystem::file_size(path()), RowTable::bytes_of(kind_of(), 1'000));
  EXPECT_THAT(contents(path()), StartsWith("tagalign-captions 1\n"));
  int yes = 0;
  for (std::uint64_t number = 0; number < 300; ++number)
    yes += found(table, number) == Found::kYes ? 1 : 0;
  EXPECT_GT(yes, 100);
  EXPECT_LT(yes, 200);
  for (std::uint64_t number = 0; number < 300; ++number) EXPECT_TRUE(keep(table, number));
  for (std::uint64_t number = 0; number < 300; ++number)
    EXPECT_EQ(found(table, number), Found::kYes) << number;
}

TEST_F(RowTableTest, WhatIsNoRegularFile_IsRefusedByName) {
  ASSERT_EQ(::mkfifo(path().c_str(), 0600), 0);
  const auto refused = RowTable::open(opener(), path(), kind_of(), 64);
  EXPECT_EQ(refused.status().code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(refused.status().message(), testing::HasSubstr(path().string()));
}

}  // namespace
}  // namespace tagalign::jobs
