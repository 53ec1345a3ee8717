#include "worker/features/caption_encoder.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/zeros.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/format.h"
#include "base/log.h"
#include "model/clip/tokenizer.h"
#include "worker/rank/circumstances.h"
#include "worker/rank/precision.h"

namespace tagalign::jobs {
namespace {

/// A CPU is kept busy by eight captions; what is missing of a last pass is computed for nothing.
std::size_t rows_wanted(at::Device device) {
  return device.is_cpu() ? 8 : 64;
}

/// [rows, length] int64: those of the pass, then copies of the first.
at::Tensor padded_tokens(const std::vector<TokenRow>& captions, const CaptionPass& pass,
                         std::size_t rows) {
  auto tokens = at::zeros({static_cast<std::int64_t>(rows), pass.length}, at::kLong);
  auto* target = tokens.data_ptr<std::int64_t>();
  for (std::size_t row = 0; row < rows; ++row) {
    const TokenRow& ids = captions[pass.members[row < pass.members.size() ? row : 0]];
    std::ranges::copy(ids, target);
    target += pass.length;
  }
  return tokens;
}

/// [members] int64
at::Tensor places_of(const CaptionPass& pass) {
  auto places = at::empty({static_cast<std::int64_t>(pass.members.size())}, at::kLong);
  std::ranges::copy(pass.members, places.data_ptr<std::int64_t>());
  return places;
}

}  // namespace

CaptionEncoder::CaptionEncoder(const model::TextTower& text, at::Device device,
                               config::Precision precision)
    : text_(text),
      device_(device),
      precision_(precision),
      lengths_(pass_lengths(text.shape().context)) {}

at::Tensor CaptionEncoder::encode(const std::vector<TokenRow>& captions) {
  const at::NoGradGuard frozen;
  const at::Tensor features = at::empty({static_cast<std::int64_t>(captions.size()), width()},
                                        at::TensorOptions(device_).dtype(at::kFloat));
  for (const CaptionPass& whole : plan_passes(captions, lengths_, rows_wanted(device_))) {
    const std::size_t rows = rows_of(whole.length);
    for (std::size_t first = 0; first < whole.members.size(); first += rows) {
      const auto begin = whole.members.begin() + static_cast<std::ptrdiff_t>(first);
      const std::size_t count = std::min(rows, whole.members.size() - first);
      const CaptionPass pass{.length = whole.length,
                             .members = {begin, begin + static_cast<std::ptrdiff_t>(count)}};
      const at::Tensor made = run(captions, pass, rows);  // [rows, E]
      features.index_copy_(0, places_of(pass).to(device_),
                           made.narrow(0, 0, static_cast<std::int64_t>(count)));
    }
  }
  return features;
}

/// [rows, E], of which the first are the pass's.
at::Tensor CaptionEncoder::run(const std::vector<TokenRow>& captions, const CaptionPass& pass,
                               std::size_t rows) {
  const AutocastScope autocast(precision_, device_);
  return text_.encode_whole(padded_tokens(captions, pass, rows).to(device_)).to(at::kFloat);
}

/// Where a place in a pass of several would round otherwise than another, a pass has one caption.
std::size_t CaptionEncoder::rows_of(std::int64_t length) {
  const std::scoped_lock lock(mutex_);
  const auto known = rows_.find(length);
  if (known != rows_.end()) return known->second;
  const bool several = rows_are_independent(length);
  if (!several) {
    log_info(
        "captions of up to {} tokens are encoded one at a time: this machine rounds them "
        "otherwise side by side",
        length);
  }
  return rows_[length] = several ? rows_wanted(device_) : 1;
}

/// The order in which a kernel adds up a row follows from the row's place, never from its numbers:
/// where equal captions come out equal in all places, so does every other caption.
bool CaptionEncoder::rows_are_independent(std::int64_t length) {
  TokenRow ids(static_cast<std::size_t>(length));
  for (std::size_t i = 0; i < ids.size(); ++i)
    ids[i] = static_cast<std::int32_t>((i + 1) * 997 % 40'000);
  ids.front() = model::Tokenizer::kStartOfText;
  ids.back() = model::Tokenizer::kEndOfText;
  const at::Tensor rows = run({ids}, {.length = length, .members = {0}}, rows_wanted(device_));
  return at::equal(rows, rows.narrow(0, 0, 1).expand_as(rows));
}

std::string CaptionEncoder::circumstances() const {
  return format("{}, context {}, {} captions a pass of {} tokens, {}, {}", precision_,
                text_.shape().context, rows_wanted(device_), fmt::join(lengths_, "/"),
                jobs::circumstances(device_), processor_name());
}

}  // namespace tagalign::jobs
