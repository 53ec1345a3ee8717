/// Noun prompts: some words of a caption, each in a template of its own, as texts of their own.
///
/// The reference takes nouns and verbs that a tagger finds in the caption. Here the words are the
/// tags of the data, which name what the caption speaks of. Axes: B images of a rank, K prompts an
/// image, T tokens. Immutable, safe from several threads.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/random.h"
#include "model/clip/tokenizer.h"
#include "model/training/training_objective.h"

namespace tagalign::model {

/// A word of a caption, and the template that it is put in: positions in their lists.
struct NounPrompt {
  std::size_t word = 0, prompt_template = 0;
};

/// min(count, words) prompts: every word at most once, in random order, templates drawn with
/// repetition. templates > 0.
struct PromptCounts {
  std::size_t words = 0, templates = 0, prompts = 0;
};
std::vector<NounPrompt> draw_noun_prompts(const PromptCounts& counts, RandomStream& stream);

/// `word` in the place of {}.
std::string noun_prompt_text(const std::string& prompt_template, const std::string& word);

class NounPrompts {
 public:
  struct Parts {
    const Tokenizer* tokenizer = nullptr;  ///< borrowed
    std::vector<std::string> words;        ///< by tag index
    std::vector<std::string> templates;
    std::int64_t count = 0;    ///< K; with 0 the rest may be empty
    std::int64_t context = 0;  ///< tokens of a prompt, at most
    std::uint64_t seed = 0;
  };
  explicit NounPrompts(Parts parts) : parts_(std::move(parts)) {}

  /// Captions and their prompts: [B, 1 + K, T], on the device of the captions. Where a caption has
  /// fewer than K tags, it is its own prompt. Draws depend on seed, step and image alone.
  at::Tensor tokens(const TrainingBatch& batch) const;

 private:
  std::vector<std::vector<std::int32_t>> of_image(const TrainingBatch& batch,
                                                  const at::Tensor& tags, std::int64_t image) const;

  Parts parts_;
};

}  // namespace tagalign::model
