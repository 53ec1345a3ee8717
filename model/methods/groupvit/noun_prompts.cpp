#include "model/methods/groupvit/noun_prompts.h"

#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <numeric>
#include <utility>

namespace tagalign::model {

std::vector<NounPrompt> draw_noun_prompts(const PromptCounts& counts, RandomStream& stream) {
  std::vector<std::size_t> order(counts.words);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::vector<NounPrompt> prompts;
  for (std::size_t i = 0; i < std::min(counts.prompts, counts.words); ++i) {
    std::swap(order[i], order[i + static_cast<std::size_t>(stream.below(counts.words - i))]);
    prompts.push_back({order[i], static_cast<std::size_t>(stream.below(counts.templates))});
  }
  return prompts;
}

std::string noun_prompt_text(const std::string& prompt_template, const std::string& word) {
  std::string text = prompt_template;
  return text.replace(text.find("{}"), 2, word);
}

/// Token ids of the prompts that there are; `tags` [B, tags] on the CPU.
std::vector<std::vector<std::int32_t>> NounPrompts::of_image(const TrainingBatch& batch,
                                                             const at::Tensor& tags,
                                                             std::int64_t image) const {
  std::vector<std::size_t> own;
  for (std::size_t tag = 0; tag < parts_.words.size(); ++tag) {
    if (tags[image][static_cast<std::int64_t>(tag)].item<float>() > 0) own.push_back(tag);
  }
  RandomStream stream({.seed = parts_.seed,
                       .epoch = batch.step,
                       .sample = batch.first_image + static_cast<std::uint64_t>(image)},
                      StreamPurpose::kPrompt);
  const PromptCounts counts{.words = own.size(),
                            .templates = parts_.templates.size(),
                            .prompts = static_cast<std::size_t>(parts_.count)};
  std::vector<std::vector<std::int32_t>> rows;
  for (const NounPrompt& prompt : draw_noun_prompts(counts, stream)) {
    rows.push_back(parts_.tokenizer->encode(
        noun_prompt_text(parts_.templates[prompt.prompt_template], parts_.words[own[prompt.word]]),
        static_cast<int>(parts_.context)));
  }
  return rows;
}

at::Tensor NounPrompts::tokens(const TrainingBatch& batch) const {
  const at::Tensor captions = batch.tokens.unsqueeze(1);  // [B, 1, T]
  if (parts_.count == 0) return captions;
  const std::int64_t images = captions.size(0);
  const at::Tensor tags = batch.tags.to(at::kCPU, at::kFloat).contiguous();
  const at::Tensor prompts = at::zeros({images, 1 + parts_.count, parts_.context}, at::kLong);
  auto ids = prompts.accessor<std::int64_t, 3>();
  std::int64_t longest = captions.size(2);
  for (std::int64_t image = 0; image < images; ++image) {
    std::int64_t place = 1;
    for (const auto& row : of_image(batch, tags, image)) {
      std::copy(row.begin(), row.end(), ids[image][place++].data());
      longest = std::max(longest, static_cast<std::int64_t>(row.size()));
    }
  }
  const at::Tensor written = prompts.slice(2, 0, longest).to(captions.device());
  const at::Tensor padded = at::constant_pad_nd(captions, {0, longest - captions.size(2)});
  // A text begins with its start token, which is not 0: what is empty is the caption.
  return at::where(written.slice(2, 0, 1) == 0, padded, written);  // [B, 1 + K, T]
}

}  // namespace tagalign::model
