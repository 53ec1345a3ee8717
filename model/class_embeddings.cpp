#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/from_blob.h>

#include <algorithm>

#include "base/status.h"
#include "model/segmentation.h"

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
at::Tensor encode_prompts(const TextTower& text, const Tokenizer& tokenizer,
                          const std::vector<std::string>& prompts) {
  const auto context = text.shape().context;
  const at::Device device = text.parameters().front().tensor.device();
  std::vector<at::Tensor> parts;
  for (std::size_t from = 0; from < prompts.size(); from += kPromptsPerForward) {
    const std::size_t to = std::min(prompts.size(), from + kPromptsPerForward);
    const std::vector<std::string> part(prompts.begin() + static_cast<std::ptrdiff_t>(from),
                                        prompts.begin() + static_cast<std::ptrdiff_t>(to));
    std::vector<std::int64_t> ids = tokenizer.encode_padded(part, static_cast<int>(context));
    const at::Tensor tokens =
        at::from_blob(ids.data(), {static_cast<std::int64_t>(part.size()), context}, at::kLong);
    parts.push_back(text.encode(tokens.to(device, at::kLong, false, /*copy=*/true)));
  }
  return at::cat(parts, 0);
}

}  // namespace

at::Tensor class_embeddings(const TextTower& text, const Tokenizer& tokenizer,
                            const std::vector<std::string>& classes,
                            const std::vector<std::string>& templates) {
  TA_CHECK(!classes.empty() && !templates.empty(), "at least one class and one template");
  const at::NoGradGuard no_grad;
  std::vector<std::string> prompts;
  for (const std::string& name : classes) {
    for (const std::string& each : templates) {
      prompts.push_back(fill_template(each, first_name(name)));
    }
  }
  const at::Tensor embeddings = encode_prompts(text, tokenizer, prompts).to(at::kFloat);
  const auto count = static_cast<std::int64_t>(templates.size());
  return embeddings.view({-1, count, embeddings.size(1)}).mean(1);  // [N, E]
}

}  // namespace tagalign::model
