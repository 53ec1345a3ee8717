#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <cmath>
#include <cstring>
#include <set>

#include "base/checksum.h"
#include "base/clock.h"
#include "base/counted.h"
#include "base/ids.h"
#include "base/random.h"
#include "base/status.h"

namespace tagalign {
namespace {

using testing::HasSubstr;

TEST(Status, WithContext_KeepsCodeAndPrependsContext) {
  const Status status = no_space("disk full").with_context("save");
  EXPECT_EQ(status.code(), ErrorCode::kNoSpace);
  EXPECT_EQ(status.to_string(), "no-space: save: disk full");
  EXPECT_TRUE(ok_status().with_context("save").ok());
}

Result<int> half(int value) {
  if (value % 2 != 0) return invalid_argument("odd");
  return value / 2;
}

Result<int> quarter(int value) {
  TA_ASSIGN_OR_RETURN(const int once, half(value));
  return half(once);
}

TEST(Result, AssignOrReturn_PassesValueOrStatus) {
  EXPECT_EQ(*quarter(12), 3);
  EXPECT_EQ(quarter(6).status().message(), "odd");
}

TEST(ResultDeathTest, ValueOfError_Aborts) {
  EXPECT_DEATH((void)half(1).value(), "odd");
  EXPECT_DEATH((void)Result<int>(ok_status()), "ok Status");
}

TEST(ErrnoStatus, FullDisk_IsNoSpaceAndNamesTheObject) {
  const Status status = errno_status(ENOSPC, "write /data/x");
  EXPECT_EQ(status.code(), ErrorCode::kNoSpace);
  EXPECT_THAT(status.message(), HasSubstr("write /data/x: No space left"));
}

TEST(ErrnoStatus, OfOneFile_IsTold_FromTroubleOfTheMachine) {
  const auto code = [](int number) { return errno_status(number, "open x").code(); };
  for (const int number : {EIO, EREMOTEIO, ESTALE, EUCLEAN, EBADMSG, ENODATA})
    EXPECT_EQ(code(number), ErrorCode::kDataLoss) << number;
  for (const int number : {ELOOP, ENAMETOOLONG, EISDIR})
    EXPECT_EQ(code(number), ErrorCode::kInvalidArgument) << number;
  for (const int number : {ENOENT, ENOTDIR, ENXIO, ENODEV})
    EXPECT_EQ(code(number), ErrorCode::kNotFound) << number;
  for (const int number : {ENOMEM, EMFILE, ENFILE, ENETDOWN, EHOSTUNREACH})
    EXPECT_EQ(code(number), ErrorCode::kUnavailable) << number;
  EXPECT_EQ(code(ETIMEDOUT), ErrorCode::kTimeout);
}

/// Field case disk-full-ends-job, and the other numbers that no program brings about.
TEST(ErrnoStatus, OfThePlace_IsToldFromWhatComesAgain) {
  const auto of_the_place = [](int number) { return errno_status(number, "x").is_of_the_place(); };
  for (const int number : {ENOSPC, EDQUOT, EFBIG, EROFS, EIO, EREMOTEIO, ESTALE, EUCLEAN, ENOLINK,
                           ENOTCONN, ESHUTDOWN, ETIMEDOUT, ENOMEM, EMFILE, ENFILE, EHOSTDOWN})
    EXPECT_TRUE(of_the_place(number)) << number;
  for (const int number : {ENOENT, EACCES, EPERM, EEXIST, EINVAL, EISDIR, ELOOP, ENOTDIR, EBADMSG})
    EXPECT_FALSE(of_the_place(number)) << number;
}

TEST(Status, OfThePlace_StaysSoWithContext) {
  EXPECT_TRUE(errno_status(ESTALE, "read x").with_context("rank 1").is_of_the_place());
  EXPECT_TRUE(no_space("disk full").is_of_the_place());
  EXPECT_FALSE(data_loss("checksum").with_context("load").is_of_the_place());
}

TEST(Digest128, KnownBytes_MatchXxhsum) {
  // xxh128sum of the empty file and of "abc".
  EXPECT_EQ(digest128({}).hex(), "99aa06d3014798d86001c324468d497f");
  EXPECT_EQ(digest128(as_bytes("abc")).hex(), "06b05ab6733a618578af5f94892f3950");
  const auto parsed = Digest128::from_hex("06b05ab6733a618578af5f94892f3950");
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(*parsed, digest128(as_bytes("abc")));
  EXPECT_EQ(Digest128::from_hex("xyz").status().code(), ErrorCode::kInvalidArgument);
}

TEST(Hasher128, AnySplit_EqualsOneShot) {
  const std::string text(100'000, 'q');
  Hasher128 hasher;
  hasher.update(std::string_view(text).substr(0, 33));
  hasher.update(std::string_view(text).substr(33));
  EXPECT_EQ(hasher.digest(), digest128(as_bytes(text)));
}

// Known answers of the authors' Random123 distribution (kat_vectors, philox4x32 10).
TEST(Philox, KnownAnswers_Match) {
  using Block = std::array<std::uint32_t, 4>;
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}),
            (Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox4x32({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}),
            (Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(RandomStream, SameKey_SameDraws_OtherPurposeDiffers) {
  const StreamKey key{1, 2, 3};
  RandomStream a(key, StreamPurpose::kAugment);
  RandomStream b(key, StreamPurpose::kAugment);
  RandomStream c(key, StreamPurpose::kScene);
  int equal = 0;
  for (int i = 0; i < 100; ++i) {
    const auto draw = a.next_u32();
    EXPECT_EQ(draw, b.next_u32());
    equal += draw == c.next_u32() ? 1 : 0;
  }
  EXPECT_LT(equal, 3);
}

/// Streams that have drawn nothing, some words, or one of two normal numbers.
RandomStream started_stream(std::uint64_t number) {
  RandomStream stream({7, 3, number}, StreamPurpose::kTest);
  for (std::uint64_t i = 0; i < number % 7; ++i) stream.next_u32();
  if (number % 3 == 0) stream.normal();
  return stream;
}

TEST(RandomStream, NormalsAtOnce_AreTheBitsOfNormalsOneByOne) {
  for (std::uint64_t number = 0; number < 420; ++number) {
    RandomStream at_once = started_stream(number), one_by_one = at_once;
    const std::size_t count = number < 400 ? number % 45 : 100'000;
    std::vector<float> expected, actual(count);
    for (std::size_t i = 0; i < count; ++i)
      expected.push_back(static_cast<float>(one_by_one.normal()));
    at_once.normals(count, actual.data());
    ASSERT_EQ(std::memcmp(actual.data(), expected.data(), count * sizeof(float)), 0) << number;
    ASSERT_EQ(at_once.normal(), one_by_one.normal()) << number << ": what comes next";
    ASSERT_EQ(at_once.next_u64(), one_by_one.next_u64()) << number << ": what comes next";
  }
}

TEST(RandomStream, UniformAndNormal_HaveTheirMoments) {
  RandomStream stream({7, 0, 0}, StreamPurpose::kTest);
  constexpr int kDraws = 200'000;
  double sum = 0, normal_sum = 0, normal_squares = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double u = stream.uniform();
    ASSERT_GE(u, 0.0);
    ASSERT_LT(u, 1.0);
    sum += u;
    const double n = stream.normal();
    normal_sum += n;
    normal_squares += n * n;
  }
  // Five standard errors.
  EXPECT_NEAR(sum / kDraws, 0.5, 5 * std::sqrt(1.0 / 12 / kDraws));
  EXPECT_NEAR(normal_sum / kDraws, 0.0, 5 * std::sqrt(1.0 / kDraws));
  EXPECT_NEAR(normal_squares / kDraws, 1.0, 5 * std::sqrt(2.0 / kDraws));
}

TEST(PermutedIndex, AnyCount_IsAPermutationThatDependsOnTheEpoch) {
  for (const std::uint64_t count : {1u, 2u, 3u, 17u, 64u, 65u, 1000u}) {
    std::set<std::uint64_t> seen;
    std::uint64_t moved = 0;
    for (std::uint64_t i = 0; i < count; ++i) {
      const auto here = permuted_index({5, 0, 0}, i, count);
      ASSERT_LT(here, count);
      seen.insert(here);
      moved += here != permuted_index({5, 1, 0}, i, count) ? 1 : 0;
    }
    EXPECT_EQ(seen.size(), count);
    if (count >= 64) {
      EXPECT_GT(moved, count / 2);
    }
  }
}

TEST(Counted, One_IsSingular) {
  EXPECT_EQ(counted(0, "image"), "0 images");
  EXPECT_EQ(counted(1, "image"), "1 image");
  EXPECT_EQ(counted(std::size_t{2}, "image"), "2 images");
  EXPECT_EQ(counted(1, "entry", "entries"), "1 entry");
  EXPECT_EQ(counted(3, "entry", "entries"), "3 entries");
  EXPECT_EQ(for_count(1, "is", "are"), "is");
  EXPECT_EQ(for_count(0, "is", "are"), "are");
}

TEST(FormatDuration, EachRange_ReadsWell) {
  EXPECT_EQ(format_duration(850), "850 ms");
  EXPECT_EQ(format_duration(12'400), "12.4 s");
  EXPECT_EQ(format_duration(200'000), "3 min 20 s");
  EXPECT_EQ(format_duration(7'500'000), "2 h 5 min");
  EXPECT_EQ(format_utc(1'772'368'205'000), "2026-03-01T12:30:05Z");
}

}  // namespace
}  // namespace tagalign
