/// What a step of GroupViT draws: Gumbel noise behind the choice of groups, and the residual
/// branches that it leaves out. A function of seed, step and image alone.
///
/// Axes: B images of a rank, G groups, L tokens. Safe from several threads.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "model/methods/grouping/encoder.h"

namespace tagalign::model {

/// What does not change from step to step.
struct DrawPlan {
  std::uint64_t seed = 0;
  std::vector<std::pair<std::int64_t, std::int64_t>> assignments;  ///< G and L of grouping blocks
  std::int64_t blocks = 0;                                         ///< of the whole encoder
  double drop_path = 0;                                            ///< as drop_paths() takes it
};

/// Whose draws they are.
struct DrawnImages {
  std::uint64_t step = 0;
  std::uint64_t first = 0;  ///< counted over all ranks
  std::int64_t count = 0;   ///< of this rank
};

/// On the CPU, through base/random.h, so that neither ranks nor threads change a value. Noise is
/// −ln(−ln u). Cost: a block of Philox for four values.
EncoderDraws philox_draws(const DrawPlan& plan, const DrawnImages& images);

}  // namespace tagalign::model
