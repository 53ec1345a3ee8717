/// Captions as the text tower reads them.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "model/clip/tokenizer.h"

namespace tagalign::jobs {

/// [B, T] int64 on `device`, T = the longest caption of the batch (at most `context`).
/// Attention is causal and the end of text is read out, so the padding that is cut off could
/// not change a feature.
at::Tensor caption_tokens(const model::Tokenizer& tokenizer,
                          const std::vector<std::string>& captions, std::int64_t context,
                          at::Device device);

}  // namespace tagalign::jobs
