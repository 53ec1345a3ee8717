#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <atomic>
#include <numeric>
#include <span>

#include "base/format.h"
#include "base/status.h"
#include "model/inference/segmentation.h"
#include "model/torch_threads.h"

namespace tagalign::model {
namespace {

constexpr std::size_t kPromptsPerForward = 64;

/// "pole;column post" names one class by two synonyms; prompts use the first.
std::string first_name(const std::string& name) {
  return name.substr(0, name.find(';'));
}

std::string fill_template(const std::string& text, const std::string& name) {
  std::string prompt;
  std::size_t from = 0;
  for (std::size_t at = text.find("{}"); at != std::string::npos; at = text.find("{}", from)) {
    prompt.append(text, from, at - from).append(name);
    from = at + 2;
  }
  return prompt.append(text, from, std::string::npos);
}

/// [prompts, E]
at::Tensor encode_prompts(const PromptEncoder& encode, const std::vector<std::string>& prompts,
                          int threads) {
  const std::size_t passes = (prompts.size() + kPromptsPerForward - 1) / kPromptsPerForward;
  std::vector<at::Tensor> parts(passes);
  const auto run = [&](std::size_t pass) {
    const std::size_t from = pass * kPromptsPerForward;
    const std::size_t to = std::min(prompts.size(), from + kPromptsPerForward);
    parts[pass] = encode({prompts.begin() + static_cast<std::ptrdiff_t>(from),
                          prompts.begin() + static_cast<std::ptrdiff_t>(to)});
  };
  std::atomic<std::size_t> next{0};
  on_threads(threads, [&](int) {
    for (std::size_t pass = next++; pass < passes; pass = next++) run(pass);
  });
  return at::cat(parts, 0);
}

}  // namespace

at::Tensor prompt_embeddings(const PromptEncoder& encode, const std::vector<std::string>& names,
                             const std::vector<std::string>& templates, int threads) {
  TA_CHECK(!names.empty() && !templates.empty(), "at least one name and one template");
  const at::NoGradGuard no_grad;
  std::vector<std::string> prompts;
  for (const std::string& name : names) {
    for (const std::string& each : templates) prompts.push_back(fill_template(each, name));
  }
  const at::Tensor embeddings = encode_prompts(encode, prompts, threads).to(at::kFloat);
  const auto count = static_cast<std::int64_t>(templates.size());
  return embeddings.view({-1, count, embeddings.size(1)});
}

at::Tensor class_embeddings(const PromptEncoder& encode, const std::vector<std::string>& classes,
                            const std::vector<std::string>& templates, int threads) {
  std::vector<std::string> names;
  for (const std::string& name : classes) names.push_back(first_name(name));
  return prompt_embeddings(encode, names, templates, threads).mean(1);  // [N, E]
}

std::int64_t classes_of_whole_passes(std::size_t templates) {
  TA_CHECK(templates > 0, "at least one template");
  return static_cast<std::int64_t>(kPromptsPerForward / std::gcd(kPromptsPerForward, templates));
}

Digest128 class_tokens_digest(const Tokenizer& tokenizer, std::int64_t context,
                              const std::vector<std::string>& classes,
                              const std::vector<std::string>& templates) {
  Hasher128 hasher;
  hasher.update(format("{} classes, {} templates, {} prompts a pass\n", classes.size(),
                       templates.size(), kPromptsPerForward));
  for (const std::string& name : classes) {
    for (const std::string& each : templates) {
      const std::vector<std::int32_t> ids =
          tokenizer.encode(fill_template(each, first_name(name)), static_cast<int>(context));
      hasher.update(format("{}\n", ids.size()));
      hasher.update(std::as_bytes(std::span(ids)));
    }
  }
  return hasher.digest();
}

PromptEncoder clip_prompts(const TextTower& text, const Tokenizer& tokenizer) {
  return [&](const std::vector<std::string>& prompts) {
    const auto context = text.shape().context;
    const at::Device device = text.parameters().front().tensor.device();
    std::vector<std::int64_t> ids = tokenizer.encode_padded(prompts, static_cast<int>(context));
    const at::Tensor tokens =
        at::from_blob(ids.data(), {static_cast<std::int64_t>(prompts.size()), context}, at::kLong);
    return text.encode(tokens.to(device, at::kLong, false, /*copy=*/true));
  };
}

at::Tensor class_embeddings(const TextTower& text, const Tokenizer& tokenizer,
                            const std::vector<std::string>& classes,
                            const std::vector<std::string>& templates, int threads) {
  return class_embeddings(clip_prompts(text, tokenizer), classes, templates, threads);
}

}  // namespace tagalign::model
