#include "worker/labels/shared_labels.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <vector>

#include "base/clock.h"
#include "base/format.h"
#include "base/log.h"
#include "worker/gradients/tensor_spans.h"
#include "worker/rank/circumstances.h"

namespace tagalign::jobs {
namespace {

/// Half a million labels of CLIP. More would be too much for one message: each rank makes all.
constexpr std::uint64_t kSharedBytesMax = 1ull << 30;

/// Which blocks: every `world`-th from `rank` on.
struct Share {
  std::int64_t rank = 0;
  std::int64_t world = 1;
};

/// As many for each rank, those that are not there zero: [turns, block, E].
at::Tensor blocks_of(const model::LabelRows& rows, const Share& share, at::Device device) {
  const std::int64_t blocks = (rows.count + rows.block - 1) / rows.block;
  const std::int64_t turns = (blocks + share.world - 1) / share.world;
  const at::Tensor mine =
      at::zeros({turns, rows.block, rows.width}, at::TensorOptions(device).dtype(at::kFloat));
  for (std::int64_t turn = 0; turn < turns; ++turn) {
    const std::int64_t block = turn * share.world + share.rank;
    if (block >= blocks) break;
    const at::Tensor made = rows.make(block);
    mine[turn].narrow(0, 0, made.size(0)).copy_(made);
  }
  return mine;
}

/// [ranks, turns, block, E] → [N, E]
at::Tensor in_order(const at::Tensor& shares, const model::LabelRows& rows) {
  return shares.transpose(0, 1).reshape({-1, rows.width}).narrow(0, 0, rows.count).contiguous();
}

at::Tensor tensor_of(const std::string& bytes, const LabelKey& key) {
  return at::from_blob(const_cast<char*>(bytes.data()), {key.count, key.width}, at::kFloat).clone();
}

}  // namespace

Result<at::Tensor> SharedLabels::rows(const model::LabelRows& rows) {
  TA_CHECK(rows.count > 0 && rows.width > 0 && rows.block > 0, "labels");
  const at::NoGradGuard frozen;
  if (LabelKey{.count = rows.count, .width = rows.width}.bytes() > kSharedBytesMax)
    return in_order(blocks_of(rows, {}, rank_.device).unsqueeze(0), rows);
  const MonotonicMs begin_ms = system_clock().monotonic_ms();
  TA_ASSIGN_OR_RETURN(const LabelKey key, agree_on_key(rows));
  TA_ASSIGN_OR_RETURN(const std::string found, find(key));
  at::Tensor all = found.empty() ? at::Tensor() : tensor_of(found, key).to(rank_.device);
  if (found.empty()) {
    TA_ASSIGN_OR_RETURN(all, make(rows));
    keep(key, all);
  }
  if (rank_.is_first()) {
    log_info("labels: {} rows {} in {:.1f} s", rows.count, found.empty() ? "made" : "read",
             1e-3 * static_cast<double>(system_clock().monotonic_ms() - begin_ms));
  }
  return all;
}

/// Rows of different texts or weights must not be put together. Ranks on unlike machines may: the
/// key then names the machine of each, because each makes its share.
Result<LabelKey> SharedLabels::agree_on_key(const model::LabelRows& rows) {
  const std::string wanted = format("{} rows of {}, texts {}, weights {}", rows.count, rows.width,
                                    rows.texts.hex(), weights_);
  TA_ASSIGN_OR_RETURN(const auto all, rank_.group.all_gather_strings(wanted));
  for (std::size_t rank = 0; rank < all.size(); ++rank) {
    if (all[rank] == all[0]) continue;
    return unavailable(
        format("embed the labels: rank {} has other labels or weights than rank 0 "
               "({} and {}); is it one shared folder, and was it changed meanwhile?",
               rank, all[rank], all[0]));
  }
  TA_ASSIGN_OR_RETURN(auto makers, rank_.group.all_gather_strings(circumstances(rank_.device)));
  if (std::ranges::all_of(makers, [&](const auto& maker) { return maker == makers[0]; }))
    makers.resize(1);
  Hasher128 hasher;
  hasher.update(wanted);
  for (const std::string& maker : makers) hasher.update("\n" + maker);
  return LabelKey{.made_from = hasher.digest(), .count = rows.count, .width = rows.width};
}

/// The same bytes on all ranks; none when the rows have to be made.
Result<std::string> SharedLabels::find(const LabelKey& key) {
  return rank_.first_decides([&]() -> Result<std::string> {
    auto found = cache_.find(key);
    if (found.ok()) return found;
    if (found.status().code() != ErrorCode::kNotFound) {
      rank_.reporter.notice(
          format("labels: {}; their rows are made again", found.status().message()));
    }
    return std::string();
  });
}

/// Blocks go to the ranks in turn, so that each has as many long texts as another.
Result<at::Tensor> SharedLabels::make(const model::LabelRows& rows) {
  const Share share{rank_.group.rank(), rank_.group.size()};
  const at::Tensor mine = to_group_memory(blocks_of(rows, share, rank_.device), rank_.group);
  std::vector<std::int64_t> shape = mine.sizes().vec();
  shape.insert(shape.begin(), share.world);
  const at::Tensor all = at::empty(shape, mine.options());
  TA_RETURN_IF_ERROR(rank_.group.all_gather(float_span(mine), float_span(all)));
  return in_order(all, rows).to(rank_.device);
}

void SharedLabels::keep(const LabelKey& key, const at::Tensor& rows) {
  if (!rank_.is_first()) return;
  const at::Tensor host = rows.to(at::kCPU).contiguous();
  const Status kept = cache_.keep(key, std::as_bytes(float_span(host)));
  if (kept.ok()) return;
  rank_.reporter.notice(
      format("labels: their rows could not be kept, the next start makes them "
             "again: {}",
             kept.message()));
}

}  // namespace tagalign::jobs
