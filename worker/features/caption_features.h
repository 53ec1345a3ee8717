/// Captions as a training's frozen text tower sees them: read where anybody has encoded them
/// before, computed and kept where not. Runs that find all, some or none end with the same bits.
///
/// Axes: B captions of a rank's share, E joint embedding.
/// Files    beside the checkpoints, or in a folder that runs share; they cost time, never the run.
/// Threads  several may ask at a time, each with the same number of Torch threads.
#pragma once

#include <ATen/core/Tensor.h>

#include <mutex>
#include <string>
#include <vector>

#include "base/checksum.h"
#include "configs/schema/jobs/caption_features_config.h"
#include "model/clip/tokenizer.h"
#include "model/clip/towers.h"
#include "worker/features/caption_encoder.h"
#include "worker/features/row_store.h"
#include "worker/rank/rank.h"

namespace tagalign::jobs {

/// What features are made with.
struct CaptionSource {
  const model::TextTower& text;
  const model::Tokenizer& tokenizer;
  std::string weights;  ///< digest of what the tower was read from
  config::Precision precision = config::Precision::kFp32;
};

class CaptionFeatures {
 public:
  /// `wish.keep` is not off. `folder` is for a wish that names none. Borrows the rank and the
  /// source's tower and tokenizer.
  CaptionFeatures(Rank& rank, const CaptionSource& source,
                  const config::CaptionFeaturesConfig& wish, const Path& folder);

  /// [B, E] fp32 on the rank's device, rounded to what is kept also where it was just
  /// computed. May throw c10::Error.
  at::Tensor features(const std::vector<std::string>& captions);

 private:
  /// Of a batch.
  struct Asked {
    std::vector<TokenRow> tokens;  // [B]
    std::vector<Digest128> keys;   // [B]
    at::Tensor rows;               // [B, E] as they are kept, in the host's memory
    std::vector<std::size_t> unknown;
  };

  Asked ask(const std::vector<std::string>& captions) const;
  void read(Asked& asked);
  void make(Asked& asked);
  void tell();

  Rank& rank_;
  const model::Tokenizer& tokenizer_;
  std::int64_t context_;
  at::ScalarType kept_as_;
  CaptionEncoder encoder_;
  RowKind kind_;
  std::mutex mutex_;  ///< for those below
  RowStore store_;
  bool full_told_ = false;
};

}  // namespace tagalign::jobs
