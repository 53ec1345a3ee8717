#include "worker/train/logical_ranks.h"

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros_like.h>
#include <c10/util/Exception.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "base/format.h"
#include "worker/collectives/gradient_buckets.h"
#include "worker/collectives/seat_group.h"
#include "worker/gradients/tensor_spans.h"

namespace tagalign::jobs {
namespace {

using collectives::CollectiveGroup;

template <class T>
std::vector<T> part_of(const std::vector<T>& all, std::size_t first, std::size_t count) {
  const auto begin = all.begin() + static_cast<std::ptrdiff_t>(first);
  return {begin, begin + static_cast<std::ptrdiff_t>(count)};
}

/// The share of one seat; what is told of the whole batch stays with it.
data::TrainingBatch share_of(const data::TrainingBatch& batch, std::size_t seat,
                             std::size_t seats) {
  const std::size_t size = static_cast<std::size_t>(batch.size) / seats;
  const std::size_t first = seat * size;
  const std::size_t pixels = batch.images.size() / static_cast<std::size_t>(batch.size);
  data::TrainingBatch share;
  share.size = static_cast<int>(size);
  share.step = batch.step;
  const auto begin = batch.images.begin() + static_cast<std::ptrdiff_t>(first * pixels);
  share.images.assign(begin, begin + static_cast<std::ptrdiff_t>(size * pixels));
  share.captions = part_of(batch.captions, first, size);
  share.tags = part_of(batch.tags, first, size);
  share.attributes = part_of(batch.attributes, first, size);
  share.records = part_of(batch.records, first, size);
  return share;
}

/// What a seat's thread leaves behind.
struct SeatStep {
  TrainingTask::Loss loss;
  std::vector<at::Tensor> gradients;  ///< one per parameter
  Status status;
};

/// Forward and backward of one seat. The gradients do not meet those of other seats.
void compute_share(TrainingTask& task, const data::TrainingBatch& share,
                   const model::Parameters& parameters, CollectiveGroup& seat, SeatStep& step) {
  try {
    step.loss = task.loss(share, seat);
    torch::autograd::variable_list inputs;
    for (const auto& parameter : parameters) inputs.push_back(parameter.tensor);
    step.gradients =
        torch::autograd::grad({step.loss.total}, inputs, {}, std::nullopt, false, true);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (!step.gradients[i].defined()) step.gradients[i] = at::zeros_like(inputs[i]);
    }
  } catch (const c10::Error& error) {
    step.status = internal_error(error.what_without_backtrace());
    seat.abort(step.status.message());
  }
}

/// `parts[s]` of each seat here → their sum over all logical ranks, in rank order.
Result<at::Tensor> sum_in_order(const std::vector<at::Tensor>& parts, CollectiveGroup& processes) {
  const at::Tensor mine = at::cat(parts);
  const auto ranks = static_cast<std::int64_t>(parts.size()) * processes.size();
  const std::int64_t size = parts.front().numel();
  at::Tensor all = mine;
  if (processes.size() > 1) {
    all = at::empty({ranks * size}, mine.options());
    TA_RETURN_IF_ERROR(processes.all_gather(float_span(mine), float_span(all)));
  }
  at::Tensor sum = all.narrow(0, 0, size).clone();
  for (std::int64_t rank = 1; rank < ranks; ++rank) sum.add_(all.narrow(0, rank * size, size));
  return sum;
}

Status average(const model::Parameters& parameters, const std::vector<SeatStep>& steps,
               double bucket_mib, int logical_ranks, CollectiveGroup& processes) {
  std::vector<std::size_t> elements;
  for (const auto& parameter : parameters)
    elements.push_back(static_cast<std::size_t>(parameter.tensor.numel()));
  const auto bucket_bytes = static_cast<std::size_t>(bucket_mib * 1024 * 1024);
  for (const auto& bucket : collectives::plan_buckets(elements, bucket_bytes)) {
    std::vector<at::Tensor> parts;
    for (const SeatStep& step : steps) {
      std::vector<at::Tensor> flat;
      for (const auto index : bucket) flat.push_back(step.gradients[index].reshape({-1}));
      parts.push_back(at::cat(flat));
    }
    TA_ASSIGN_OR_RETURN(at::Tensor sum, sum_in_order(parts, processes));
    sum.div_(logical_ranks);
    std::int64_t offset = 0;
    for (const auto index : bucket) {
      at::Tensor tensor = parameters[index].tensor;
      tensor.mutable_grad() = sum.narrow(0, offset, tensor.numel()).view(tensor.sizes()).clone();
      offset += tensor.numel();
    }
  }
  return ok_status();
}

/// Means over all logical ranks, of the total and of each part.
Result<TrainingTask::Loss> mean_loss(const std::vector<SeatStep>& steps, int logical_ranks,
                                     CollectiveGroup& processes) {
  std::vector<at::Tensor> rows;
  for (const SeatStep& step : steps) {
    std::vector<at::Tensor> values{step.loss.total.detach().reshape({1})};
    for (const auto& [name, value] : step.loss.parts) values.push_back(value.detach().reshape({1}));
    rows.push_back(at::cat(values).to(at::kFloat));
  }
  TA_ASSIGN_OR_RETURN(const at::Tensor sum, sum_in_order(rows, processes));
  const at::Tensor mean = sum.div(logical_ranks);
  TrainingTask::Loss loss{.total = mean[0], .parts = {}};
  const auto& parts = steps.front().loss.parts;
  for (std::size_t i = 0; i < parts.size(); ++i)
    loss.parts.emplace_back(parts[i].first, mean[static_cast<std::int64_t>(i) + 1]);
  return loss;
}

/// Of several failures the one that the others followed from: aborted seats say kPeerLost.
Status first_failure(const std::vector<SeatStep>& steps) {
  for (const SeatStep& step : steps) {
    if (!step.status.ok()) return step.status;
  }
  return ok_status();
}

}  // namespace

Status check_logical_ranks(const TrainingTask& task, int logical_ranks, int global_batch,
                           const CollectiveGroup& processes) {
  const auto refuse = [](const std::string& what) {
    return invalid_argument(format("optimizer.determinism: bitwise: {}", what));
  };
  if (logical_ranks % processes.size() != 0)
    return refuse(
        format("{} ranks do not divide optimizer.logical_ranks {}; use a number of ranks "
               "that does",
               processes.size(), logical_ranks));
  if (global_batch % logical_ranks != 0)
    return refuse(format("optimizer.logical_ranks {} do not divide global_batch {}", logical_ranks,
                         global_batch));
  if (processes.memory() != collectives::Memory::kHost)
    return refuse("it works on CPUs only; set runtime.device: cpu, or determinism: order");
  if (!task.buffers().empty() || !task.late().names.empty())
    return refuse(
        "this method has running statistics or parameters that start late; set "
        "determinism: order");
  return ok_status();
}

Result<TrainingTask::Loss> compute_by_logical_ranks(TrainingTask& task,
                                                    const data::TrainingBatch& batch,
                                                    const model::Parameters& averaged,
                                                    int logical_ranks, double bucket_mib,
                                                    CollectiveGroup& processes) {
  const int here = logical_ranks / processes.size();
  const auto seats = collectives::make_seat_groups(processes, here);
  std::vector<SeatStep> steps(seats.size());
  std::vector<std::thread> threads;
  for (std::size_t seat = 0; seat < seats.size(); ++seat) {
    threads.emplace_back([&, seat, intra_op = at::get_num_threads()] {
      at::set_num_threads(intra_op);  // OpenMP keeps this number by thread
      const data::TrainingBatch share = share_of(batch, seat, seats.size());
      compute_share(task, share, averaged, *seats[seat], steps[seat]);
    });
  }
  for (std::thread& thread : threads) thread.join();
  TA_RETURN_IF_ERROR(first_failure(steps));
  const at::NoGradGuard no_grad;
  TA_RETURN_IF_ERROR(average(averaged, steps, bucket_mib, logical_ranks, processes));
  return mean_loss(steps, logical_ranks, processes);
}

}  // namespace tagalign::jobs
