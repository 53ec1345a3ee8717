#include "tests/unit/collectives/collective_checks.h"

#include <gmock/gmock.h>

#include "base/random.h"

namespace tagalign::collectives {
namespace {

using testing::Each;
using testing::ElementsAre;

constexpr std::size_t kSizes[] = {0, 1, 3, 1000, 40'001};

void check_sums(CollectiveGroup& group) {
  for (const std::size_t size : kSizes) {
    std::vector<float> values = uneven_values(group.rank(), size);
    ASSERT_TRUE(group.all_reduce_sum(values).ok());
    EXPECT_EQ(values, ordered_sum(group.size(), size)) << "bits of " << size << " values";
  }
}

void check_gather(CollectiveGroup& group) {
  for (const std::size_t size : kSizes) {
    std::vector<float> gathered(size * static_cast<std::size_t>(group.size()));
    ASSERT_TRUE(group.all_gather(uneven_values(group.rank(), size), gathered).ok());
    std::vector<float> expected;
    for (int rank = 0; rank < group.size(); ++rank) {
      const std::vector<float> part = uneven_values(rank, size);
      expected.insert(expected.end(), part.begin(), part.end());
    }
    EXPECT_EQ(gathered, expected);
  }
}

void check_words(CollectiveGroup& group) {
  const auto rank = static_cast<std::uint64_t>(group.rank());
  const auto size = static_cast<std::uint64_t>(group.size());
  const std::uint64_t large = std::uint64_t{1} << 60;  // a double would lose the ones
  std::vector<std::uint64_t> words = {1, rank, large + 1};
  ASSERT_TRUE(group.all_reduce_sum_u64(words).ok());
  EXPECT_THAT(words, ElementsAre(size, size * (size - 1) / 2, size * (large + 1)));
  words = {rank, large + rank, 0};
  ASSERT_TRUE(group.all_reduce_max_u64(words).ok());
  EXPECT_THAT(words, ElementsAre(size - 1, large + size - 1, 0));
}

void check_strings(CollectiveGroup& group) {
  const auto text_of = [](int rank) {
    return std::string(static_cast<std::size_t>(rank) * 300, 'x') + '\0';
  };
  const auto texts = group.all_gather_strings(group.rank() == 0 ? "" : text_of(group.rank()));
  ASSERT_TRUE(texts.ok()) << texts.status().to_string();
  ASSERT_EQ(texts->size(), static_cast<std::size_t>(group.size()));
  EXPECT_EQ(texts->at(0), "");
  for (int rank = 1; rank < group.size(); ++rank)
    EXPECT_EQ(texts->at(static_cast<std::size_t>(rank)), text_of(rank));
}

}  // namespace

std::vector<float> uneven_values(int rank, std::size_t count) {
  RandomStream random({.seed = 5, .epoch = static_cast<std::uint64_t>(rank)}, StreamPurpose::kTest);
  std::vector<float> values(count);
  for (float& value : values)
    value = static_cast<float>(random.normal() * (rank % 2 == 0 ? 1e4 : 1e-3));
  return values;
}

std::vector<float> ordered_sum(int world, std::size_t count) {
  std::vector<float> sum = uneven_values(0, count);
  for (int rank = 1; rank < world; ++rank) {
    const std::vector<float> values = uneven_values(rank, count);
    for (std::size_t i = 0; i < count; ++i) sum[i] += values[i];
  }
  return sum;
}

void check_all_verbs(CollectiveGroup& group) {
  for (int round = 0; round < 2; ++round) {
    check_sums(group);
    check_gather(group);
    check_words(group);
    check_strings(group);
    EXPECT_TRUE(group.barrier().ok());
  }
}

}  // namespace tagalign::collectives
