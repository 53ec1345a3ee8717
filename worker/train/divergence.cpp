#include "worker/train/divergence.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "base/format.h"

namespace tagalign::jobs {
namespace {

constexpr const char* kLast = "loss.last";
constexpr const char* kMean = "loss.mean";
constexpr const char* kSteps = "loss.steps";
/// The mean is of about so many steps, and is believed from then on.
constexpr double kMeanSteps = 100;
constexpr std::size_t kNamesSaid = 4;
constexpr double kFixedPoint = 1 << 24;

double scalar(const std::map<std::string, double>& scalars, const char* name) {
  const auto found = scalars.find(name);
  return found == scalars.end() ? 0 : found->second;
}

}  // namespace

void LossMean::add(double loss) {
  last_ = loss;
  steps_ = std::min(steps_ + 1, kMeanSteps);
  mean_ += (loss - mean_) / steps_;
}

bool LossMean::is_spike(double loss, double factor) const {
  return factor > 0 && steps_ >= kMeanSteps && loss > factor * mean_;
}

std::map<std::string, double> LossMean::scalars() const {
  return {{kLast, last_}, {kMean, mean_}, {kSteps, steps_}};
}

void LossMean::restore(const std::map<std::string, double>& scalars) {
  last_ = scalar(scalars, kLast);
  mean_ = scalar(scalars, kMean);
  steps_ = scalar(scalars, kSteps);
}

std::uint64_t to_fixed_point(double value) {
  constexpr double kMost = 1e7;  // of 4,096 ranks together still below 2^63
  return static_cast<std::uint64_t>(std::llround(std::clamp(value, -kMost, kMost) * kFixedPoint));
}

double from_fixed_point(std::uint64_t sum) {
  return static_cast<double>(static_cast<std::int64_t>(sum)) / kFixedPoint;
}

std::string first_not_finite(const TrainingTask::Loss& loss, const model::Parameters& parameters) {
  for (const auto& [name, part] : loss.parts) {
    if (const double value = part.item<double>(); !std::isfinite(value))
      return format("loss part '{}' is {}", name, value);
  }
  if (const double total = loss.total.item<double>(); !std::isfinite(total))
    return format("the loss is {}", total);
  for (const model::Parameter& parameter : parameters) {
    const at::Tensor& gradient = parameter.tensor.grad();
    if (gradient.defined() && !gradient.isfinite().all().item<bool>())
      return format("the gradient of '{}' is not finite", parameter.name);
  }
  return "";
}

std::string batch_identity(const data::TrainingBatch& batch, const data::CaptionDataset& dataset,
                           std::uint64_t first_sample, int global_batch) {
  std::string names;
  const std::size_t said = std::min(batch.records.size(), kNamesSaid);
  for (std::size_t i = 0; i < said; ++i)
    names += (i == 0 ? "" : ", ") + dataset.image_name(batch.records[i]);
  if (batch.records.size() > said) names += format(" and {} more", batch.records.size() - said);
  const std::uint64_t last = first_sample + static_cast<std::uint64_t>(global_batch) - 1;
  return format("samples {} to {} (epoch {}), of which this rank had {}", first_sample, last,
                first_sample / dataset.size(), names);
}

}  // namespace tagalign::jobs
