/// Which captions go through the text tower together, in passes of a few fixed shapes.
///
/// A product of matrices may round a row otherwise when it has other rows beside it, or more of
/// them. In a pass of a fixed number of captions of a fixed length it does not, so that a feature
/// can be kept. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace tagalign::jobs {

/// One caption as the text tower reads it, without padding.
using TokenRow = std::vector<std::int32_t>;

struct CaptionPass {
  std::int64_t length = 0;           ///< tokens that each is padded to
  std::vector<std::size_t> members;  ///< which captions, at most as many as a pass holds
};

/// Lengths that captions are padded to, ascending; the last is `context`. CC12M's captions have
/// some 27 tokens: most of them cost a third of a whole context.
std::vector<std::int64_t> pass_lengths(std::int64_t context);

/// The shortest of `lengths` that holds `tokens`, which fit into the longest.
std::int64_t padded_length(const std::vector<std::int64_t>& lengths, std::size_t tokens);

/// Each of `captions` is in one pass, by length and then in order; none has more than `rows`.
std::vector<CaptionPass> plan_passes(const std::vector<TokenRow>& captions,
                                     const std::vector<std::int64_t>& lengths, std::size_t rows);

}  // namespace tagalign::jobs
