/// Whether two samples may come from one distribution, when of the second one only
/// a summary is kept.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace tagalign::golden {

/// Samples pass when the probability of a larger deviation by chance is above this.
inline constexpr double kProbabilityMin = 1e-3;

struct TestResult {
  double statistic = 0;    ///< largest difference of shares (Kolmogorov), or χ²
  double probability = 1;  ///< of a statistic at least as large by chance
};

/// What is stored of a sample: its size and the values at some levels (0 … 1) of its distribution.
struct QuantileSummary {
  double size = 0;
  std::map<double, double> quantiles;  ///< level → value
};

/// Two-sample Kolmogorov–Smirnov test at the stored quantiles. Steps of a discrete distribution
/// widen the interval of shares that fits, so the test is never too strict.
TestResult kolmogorov(std::vector<double> samples, const QuantileSummary& stored);

/// Two-sample χ² test over the same categories. Categories with fewer than 10 members in both
/// samples together are joined with their neighbour.
TestResult chi_square(const std::vector<double>& counts, const std::vector<double>& stored_counts);

/// The same for one property that `hits` of `all` have.
struct Share {
  double hits = 0;
  double all = 0;
};
TestResult chi_square_of_shares(Share sample, Share stored);

}  // namespace tagalign::golden
