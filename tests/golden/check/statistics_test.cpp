// The tests' probabilities against tabulated ones, and that they tell distributions apart.
#include "tests/golden/check/statistics.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"

namespace tagalign::golden {
namespace {

std::vector<double> uniform_draws(std::uint64_t seed, std::size_t count, double shift) {
  RandomStream stream({seed, 0, 0}, StreamPurpose::kTest);
  std::vector<double> draws;
  for (std::size_t i = 0; i < count; ++i) draws.push_back(stream.uniform() + shift);
  return draws;
}

QuantileSummary uniform_summary(double size) {
  QuantileSummary summary{.size = size, .quantiles = {}};
  for (const double level : {0.1, 0.25, 0.5, 0.75, 0.9}) summary.quantiles[level] = level;
  return summary;
}

TEST(StatisticsTest, ChiSquare_KnownStatistic_HasTabulatedProbability) {
  // 100 and 100 against 120 and 80: χ² = 4.0404 with one degree of freedom.
  const TestResult result = chi_square({100, 100}, {120, 80});
  EXPECT_NEAR(result.statistic, 4.0404, 1e-4);
  EXPECT_NEAR(result.probability, std::erfc(std::sqrt(result.statistic / 2)), 1e-12);
}

TEST(StatisticsTest, ChiSquare_OfShares_IsThatOfHitsAndMisses) {
  const TestResult shares = chi_square_of_shares({30, 200}, {50, 200});
  EXPECT_DOUBLE_EQ(shares.statistic, chi_square({30, 170}, {50, 150}).statistic);
}

TEST(StatisticsTest, ChiSquare_SmallCategories_AreJoined) {
  EXPECT_EQ(chi_square({2, 3, 100}, {3, 2, 100}).probability, 1.0);
  EXPECT_EQ(chi_square({0, 0}, {5, 5}).probability, 0.0) << "nothing was drawn";
}

TEST(StatisticsTest, Kolmogorov_SameDistribution_Passes_AndShiftedOne_Fails) {
  const QuantileSummary stored = uniform_summary(20000);
  EXPECT_GT(kolmogorov(uniform_draws(1, 20000, 0.0), stored).probability, kProbabilityMin);
  EXPECT_LT(kolmogorov(uniform_draws(1, 20000, 0.03), stored).probability, kProbabilityMin);
  EXPECT_EQ(kolmogorov({}, stored).probability, 0.0);
}

TEST(StatisticsTest, Kolmogorov_KnownDistance_HasTabulatedProbability) {
  // Half of the stored values lie below 0.5, all of ours: the largest difference possible at it.
  const TestResult result =
      kolmogorov({0.1, 0.2, 0.3, 0.4}, {.size = 4, .quantiles = {{0.5, 0.5}}});
  EXPECT_DOUBLE_EQ(result.statistic, 0.5);
  EXPECT_NEAR(result.probability, 0.6994, 1e-3);  // Q(0.5 · √2)
}

TEST(StatisticsTest, Kolmogorov_StepsOfADiscreteDistribution_AreNoDeviation) {
  const QuantileSummary stored{.size = 1000, .quantiles = {{0.25, 1}, {0.5, 1}, {0.75, 1}}};
  EXPECT_EQ(kolmogorov(std::vector<double>(1000, 1.0), stored).statistic, 0.0);
}

}  // namespace
}  // namespace tagalign::golden
