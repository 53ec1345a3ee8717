#include "worker/features/caption_features.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <map>
#include <span>
#include <utility>

#include "base/clock.h"
#include "base/format.h"

namespace tagalign::jobs {
namespace {

at::ScalarType type_of(config::CaptionKeeping keep) {
  TA_CHECK(keep != config::CaptionKeeping::kOff, "features that are kept");
  return keep == config::CaptionKeeping::kFp16 ? at::kHalf : at::kFloat;
}

RowKind kind_of(const CaptionSource& source, config::CaptionKeeping keep,
                const CaptionEncoder& encoder) {
  const std::string made_from =
      format("captions 1: {} numbers in {}, weights {}, {}", encoder.width(), keep, source.weights,
             encoder.circumstances());
  return {.made_from = digest128(as_bytes(made_from)),
          .row_bytes = static_cast<std::size_t>(encoder.width()) * c10::elementSize(type_of(keep))};
}

/// Of the kind as well: a row of another kind is never taken for one of this.
Digest128 key_of(const TokenRow& tokens, const RowKind& kind) {
  Hasher128 hasher;
  hasher.update(kind.made_from.hex());
  hasher.update(std::as_bytes(std::span(tokens)));
  return hasher.digest();
}

std::span<std::byte> bytes_of(const at::Tensor& rows, std::size_t index) {
  const std::size_t size = static_cast<std::size_t>(rows.size(1)) * rows.itemsize();
  return {static_cast<std::byte*>(rows.data_ptr()) + index * size, size};
}

}  // namespace

CaptionFeatures::CaptionFeatures(Rank& rank, const CaptionSource& source,
                                 const config::CaptionFeaturesConfig& wish, const Path& folder)
    : rank_(rank),
      tokenizer_(source.tokenizer),
      context_(source.text.shape().context),
      kept_as_(type_of(wish.keep)),
      encoder_(source.text, rank.device, source.precision),
      kind_(kind_of(source, wish.keep, encoder_)),
      store_(rank.files, system_clock(),
             {.folder = wish.folder.empty() ? folder : Path(wish.folder),
              .kind = kind_,
              .bytes_max = wish.bytes_max}) {}

at::Tensor CaptionFeatures::features(const std::vector<std::string>& captions) {
  const at::NoGradGuard frozen;
  Asked asked = ask(captions);
  read(asked);
  if (!asked.unknown.empty()) make(asked);
  return asked.rows.to(rank_.device, at::kFloat, /*non_blocking=*/rank_.device.is_cuda());
}

/// Pinned where the rows go to a GPU: they then travel behind the host's back.
CaptionFeatures::Asked CaptionFeatures::ask(const std::vector<std::string>& captions) const {
  Asked asked;
  for (const std::string& caption : captions) {
    asked.tokens.push_back(tokenizer_.encode(caption, static_cast<int>(context_)));
    asked.keys.push_back(key_of(asked.tokens.back(), kind_));
  }
  asked.rows =
      at::empty({static_cast<std::int64_t>(captions.size()), encoder_.width()},
                at::TensorOptions(at::kCPU).dtype(kept_as_).pinned_memory(rank_.device.is_cuda()));
  return asked;
}

void CaptionFeatures::read(Asked& asked) {
  const std::scoped_lock lock(mutex_);
  for (std::size_t i = 0; i < asked.keys.size(); ++i) {
    if (!store_.find(asked.keys[i], bytes_of(asked.rows, i))) asked.unknown.push_back(i);
  }
  if (!asked.unknown.empty() && store_.look_again()) {
    std::erase_if(asked.unknown, [&](std::size_t i) {
      return store_.find(asked.keys[i], bytes_of(asked.rows, i));
    });
  }
  tell();
}

/// Each caption once, however often it is asked for.
void CaptionFeatures::make(Asked& asked) {
  std::map<Digest128, std::size_t> place;
  std::vector<TokenRow> captions;
  for (const std::size_t i : asked.unknown) {
    if (place.emplace(asked.keys[i], captions.size()).second) captions.push_back(asked.tokens[i]);
  }
  const at::Tensor made = encoder_.encode(captions).to(kept_as_).to(at::kCPU).contiguous();
  const std::scoped_lock lock(mutex_);
  for (const auto& [key, row] : place) store_.keep(key, bytes_of(made, row));
  for (const std::size_t i : asked.unknown)
    std::ranges::copy(bytes_of(made, place.at(asked.keys[i])), bytes_of(asked.rows, i).begin());
  tell();
}

/// Under the lock. The bound is the same for all ranks, and one of them says so.
void CaptionFeatures::tell() {
  for (const std::string& notice : store_.take_notices())
    rank_.reporter.notice("caption features: " + notice);
  if (!store_.is_full() || std::exchange(full_told_, true) || !rank_.is_first()) return;
  rank_.reporter.notice(
      "caption features: their files have the size that caption_features.bytes_max allows; further "
      "captions are encoded at every step. A larger bound keeps them");
}

}  // namespace tagalign::jobs
