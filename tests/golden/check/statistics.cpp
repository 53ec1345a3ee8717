#include "tests/golden/check/statistics.h"

#include <ATen/ops/igammac.h>
#include <ATen/ops/scalar_tensor.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/status.h"

namespace tagalign::golden {
namespace {

constexpr double kMembersMin = 10;

/// Survival function of the Kolmogorov distribution.
double kolmogorov_survival(double lambda) {
  if (lambda < 0.2) return 1;  // the series converges slowly there, and its sum is 1 to 12 digits
  double sum = 0;
  for (int k = 1; k <= 100; ++k) {
    const double term = std::exp(-2.0 * k * k * lambda * lambda);
    sum += k % 2 == 1 ? term : -term;
  }
  return std::clamp(2 * sum, 0.0, 1.0);
}

double chi_square_survival(double statistic, double degrees) {
  const auto value = [](double number) { return at::scalar_tensor(number, at::kDouble); };
  return at::igammac(value(degrees / 2), value(statistic / 2)).item<double>();
}

struct Bin {
  double sample = 0;
  double stored = 0;
};

std::vector<Bin> join_small_bins(const std::vector<double>& counts,
                                 const std::vector<double>& stored) {
  std::vector<Bin> bins;
  Bin open;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    open.sample += counts[i];
    open.stored += stored[i];
    if (open.sample + open.stored < kMembersMin) continue;
    bins.push_back(open);
    open = {};
  }
  if (bins.empty()) return {open};
  bins.back().sample += open.sample;
  bins.back().stored += open.stored;
  return bins;
}

}  // namespace

TestResult kolmogorov(std::vector<double> samples, const QuantileSummary& stored) {
  if (samples.empty() || stored.size <= 0 || stored.quantiles.empty()) return {1, 0};
  std::sort(samples.begin(), samples.end());
  const auto size = static_cast<double>(samples.size());
  TestResult result;
  for (const auto& [level, value] : stored.quantiles) {
    const double slack = 1e-9 * std::max(1.0, std::abs(value));
    const auto share_before = [&](auto bound) {
      return static_cast<double>(bound - samples.begin()) / size;
    };
    const double below =
        share_before(std::lower_bound(samples.begin(), samples.end(), value - slack));
    const double up_to =
        share_before(std::upper_bound(samples.begin(), samples.end(), value + slack));
    result.statistic = std::max({result.statistic, below - level, level - up_to});
  }
  const double scale = std::sqrt(size * stored.size / (size + stored.size));
  result.probability = kolmogorov_survival(result.statistic * scale);
  return result;
}

TestResult chi_square(const std::vector<double>& counts, const std::vector<double>& stored_counts) {
  TA_CHECK(counts.size() == stored_counts.size(), "the same categories");
  const double all = std::accumulate(counts.begin(), counts.end(), 0.0);
  const double stored_all = std::accumulate(stored_counts.begin(), stored_counts.end(), 0.0);
  if (all <= 0 || stored_all <= 0) return {1, 0};
  const std::vector<Bin> bins = join_small_bins(counts, stored_counts);
  if (bins.size() < 2) return {};
  const double ratio = std::sqrt(stored_all / all);
  TestResult result;
  for (const Bin& bin : bins) {
    const double difference = ratio * bin.sample - bin.stored / ratio;
    result.statistic += difference * difference / (bin.sample + bin.stored);
  }
  result.probability = chi_square_survival(result.statistic, static_cast<double>(bins.size()) - 1);
  return result;
}

TestResult chi_square_of_shares(Share sample, Share stored) {
  return chi_square({sample.hits, sample.all - sample.hits},
                    {stored.hits, stored.all - stored.hits});
}

}  // namespace tagalign::golden
