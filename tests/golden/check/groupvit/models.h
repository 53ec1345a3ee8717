/// How GroupViT's models are built from its golden data.
#pragma once

#include <optional>

#include "model/clip/tokenizer.h"
#include "tests/golden/check/grouping/grouped.h"

namespace tagalign::golden::groupvit {

/// With the bounds of the README. The tokenizer is CLIP's, which the folder does not hold.
class GroupVit final : public GroupedMethod {
 public:
  /// nullopt after a line.
  static std::optional<GroupVit> create(Folder& folder, Report& report);

  std::string name() const override { return "groupvit"; }
  config::EvaluationMethod config(const Json& sizes) const override;
  model::Materials materials() const override { return {.tokenizer = &tokenizer_}; }
  Tolerance activation() const override { return scaled_bound(1e-5); }
  Tolerance soft_assignment() const override { return scaled_bound(3e-5); }
  Tolerance projected() const override { return scaled_bound(2e-5); }
  Tolerance class_embedding() const override { return scaled_bound(2e-5); }
  Tolerance score(double) const override { return {.absolute = 3e-4}; }
  Tolerance group_map() const override { return {.absolute = 2e-5}; }
  const model::Tokenizer& tokenizer() const { return tokenizer_; }

 private:
  explicit GroupVit(model::Tokenizer tokenizer) : tokenizer_(std::move(tokenizer)) {}
  model::Tokenizer tokenizer_;
};

}  // namespace tagalign::golden::groupvit
