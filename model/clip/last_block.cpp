#include "model/clip/last_block.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros.h>

#include <cmath>

#include "base/status.h"

namespace tagalign::model {
namespace {

at::Tensor weights_of(const at::Tensor& logits) {
  return at::softmax(logits, -1);
}

/// Of each image the mean over heads of (mean norm of q) · (mean norm of k): [B, 1, 1, 1].
at::Tensor norm_product(const at::Tensor& q, const at::Tensor& k) {
  const at::Tensor q_norm = at::linalg_vector_norm(q, 2, {-1}).mean(-1);  // [B, H]
  const at::Tensor k_norm = at::linalg_vector_norm(k, 2, {-1}).mean(-1);  // [B, H]
  return (q_norm * k_norm).mean(-1).view({-1, 1, 1, 1});
}

/// Squared differences of positions along one axis, [n, n].
at::Tensor squared_distances(const at::Tensor& positions) {
  const at::Tensor difference = positions.unsqueeze(0) - positions.unsqueeze(1);
  return difference * difference;
}

}  // namespace

at::Tensor neighbour_weights(PatchGrid grid, double gaussian_std, const at::Tensor& like) {
  TA_CHECK(gaussian_std > 0, "a deviation above 0");
  const std::int64_t count = grid.rows * grid.columns;
  const auto options = like.options().dtype(at::kFloat);
  const at::Tensor index = at::arange(count, options.dtype(at::kLong));
  const at::Tensor rows = index.floor_divide(grid.columns).to(at::kFloat);
  const at::Tensor columns = index.remainder(grid.columns).to(at::kFloat);
  const at::Tensor squared = squared_distances(rows) + squared_distances(columns);
  at::Tensor all = at::zeros({count + 1, count + 1}, options);
  all.slice(0, 1).slice(1, 1).copy_(at::exp(squared / (-2.0 * gaussian_std * gaussian_std)));
  return all;
}

at::Tensor token_logits(const at::Tensor& left, const at::Tensor& right) {
  const double scale = 1.0 / std::sqrt(static_cast<double>(left.size(-1)));
  return at::matmul(left * scale, right.transpose(-2, -1));
}

at::Tensor token_weights(const ResidualBlock& block, const at::Tensor& x, PatchGrid grid,
                         const LastBlock& how, const LogitChange& change) {
  TA_CHECK(x.dim() == 3 && x.size(1) == 1 + grid.rows * grid.columns, "tokens [B, 1 + h·w, D]");
  const HeadTokens heads = block.head_tokens(x);
  const auto& [q, k, v] = heads;
  const auto logits = [&](const at::Tensor& left, const at::Tensor& right) {
    const at::Tensor plain = token_logits(left, right);
    return change ? change(plain) : plain;
  };
  switch (how.weights) {
    case TokenWeights::kQueryKey:
      return weights_of(logits(q, k));
    case TokenWeights::kIdentity:
      return at::eye(x.size(1), v.options()).expand({v.size(0), v.size(1), -1, -1});
    case TokenWeights::kQueryPlusKey:
      return weights_of(logits(q, q)) + weights_of(logits(k, k));
    case TokenWeights::kKeyNeighbours:
      return weights_of(logits(k, k) + neighbour_weights(grid, how.gaussian_std, k));
    case TokenWeights::kKey:
      return weights_of(logits(k, k));
    case TokenWeights::kNeighbours: {
      const double scale = 1.0 / std::sqrt(static_cast<double>(q.size(-1)));
      const at::Tensor omega = neighbour_weights(grid, how.gaussian_std, k);
      return weights_of(omega * (norm_product(q, k) * scale)).expand({-1, q.size(1), -1, -1});
    }
    case TokenWeights::kQuery:
      break;
  }
  return weights_of(logits(q, q));
}

at::Tensor apply_weights(const ResidualBlock& block, const at::Tensor& x, const at::Tensor& weights,
                         bool reduced) {
  const at::Tensor output = block.project_out(at::matmul(weights, block.value_tokens(x)));
  return reduced ? output : block.add_mlp(x + output);
}

at::Tensor forward_last(const ResidualBlock& block, const at::Tensor& x, PatchGrid grid,
                        const LastBlock& how) {
  if (how.weights == TokenWeights::kIdentity) return block.forward_diagonal(x, how.reduced);
  if (how.weights == TokenWeights::kQueryKey && !how.reduced) return block.forward(x, false);
  return apply_weights(block, x, token_weights(block, x, grid, how), how.reduced);
}

}  // namespace tagalign::model
