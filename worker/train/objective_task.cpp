#include "worker/train/objective_task.h"

#include <ATen/Functions.h>

#include <utility>
#include <vector>

#include "worker/gradients/gather_autograd.h"
#include "worker/rank/precision.h"
#include "worker/train/caption_tokens.h"

namespace tagalign::jobs {
namespace {

/// Multi-hot rows from tag indices.
at::Tensor multi_hot(const std::vector<std::vector<std::int32_t>>& tags, std::size_t count) {
  auto rows = at::zeros({static_cast<std::int64_t>(tags.size()), static_cast<std::int64_t>(count)},
                        at::kFloat);
  auto* values = rows.data_ptr<float>();
  for (std::size_t b = 0; b < tags.size(); ++b) {
    for (const auto tag : tags[b]) values[b * count + static_cast<std::size_t>(tag)] = 1.0f;
  }
  return rows;
}

class ObjectiveTask final : public TrainingTask {
 public:
  ObjectiveTask(Rank& rank, const config::TrainConfig& config, const BatchShape& shape,
                std::unique_ptr<model::TrainingObjective> objective)
      : rank_(rank), config_(config), shape_(shape), objective_(std::move(objective)) {
    TA_CHECK(shape.features == nullptr || objective_->reads_text_features(), "tokens or features");
  }

  const model::Parameters& parameters() const override { return objective_->parameters(); }
  model::Parameters buffers() const override { return objective_->buffers(); }
  model::LateParameters late() const override { return objective_->late(); }

  Loss loss(const data::TrainingBatch& batch, collectives::CollectiveGroup& group) override {
    const model::LossRanks ranks{
        .rank = group.rank(), .world = group.size(), .gather = [&group](const at::Tensor& rows) {
          return gather_with_gradient(rows, group);
        }};
    const model::TrainingBatch tensors = to_tensors(batch, group.rank());
    const AutocastScope autocast(config_.runtime.precision, rank_.device);
    auto loss = objective_->loss(tensors, ranks);
    return {.total = std::move(loss.total), .parts = std::move(loss.parts)};
  }

 private:
  model::TrainingBatch to_tensors(const data::TrainingBatch& batch, int rank) const {
    const std::int64_t side = config_.data.image_size;
    return {
        .images = at::from_blob(const_cast<float*>(batch.images.data()),
                                {batch.size, 3, side, side}, at::kFloat)
                      .to(rank_.device),
        .tokens = tokens_of(batch),
        .tags = multi_hot(batch.tags, shape_.tags).to(rank_.device),
        .attributes = shape_.attributes == 0
                          ? at::Tensor()
                          : multi_hot(batch.attributes, shape_.attributes).to(rank_.device),
        .text =
            shape_.features == nullptr ? at::Tensor() : shape_.features->features(batch.captions),
        .step = batch.step,
        .first_image = static_cast<std::uint64_t>(rank) * static_cast<std::uint64_t>(batch.size)};
  }

  at::Tensor tokens_of(const data::TrainingBatch& batch) const {
    if (shape_.features != nullptr) return {};
    return caption_tokens(shape_.tokenizer, batch.captions, objective_->context(), rank_.device);
  }

  Rank& rank_;
  const config::TrainConfig& config_;
  BatchShape shape_;
  std::unique_ptr<model::TrainingObjective> objective_;
};

}  // namespace

std::unique_ptr<TrainingTask> make_objective_task(
    Rank& rank, const config::TrainConfig& config, const BatchShape& shape,
    std::unique_ptr<model::TrainingObjective> objective) {
  return std::make_unique<ObjectiveTask>(rank, config, shape, std::move(objective));
}

}  // namespace tagalign::jobs
