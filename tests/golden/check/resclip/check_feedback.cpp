#include <regex>

#include "base/format.h"
#include "model/methods/resclip/feedback.h"
#include "tests/golden/check/compare.h"
#include "tests/golden/check/heads/bounds.h"
#include "tests/golden/check/resclip/parts.h"

namespace tagalign::golden::resclip {
namespace {

/// A side of the layout's patches, and its pixels beyond the last whole one.
constexpr std::int64_t kPatch = 16, kRowsBeyond = 5, kColumnsBeyond = 3;

struct Case {
  std::string size;  ///< "7x9"
  model::PatchGrid grid;
  std::int64_t step = 1;  ///< every value stands for a block of this side
};

/// Of a name "7x9.probabilities#step4".
std::optional<Case> parse_case(const std::string& name) {
  static const std::regex kName(R"((([0-9]+)x([0-9]+))\.probabilities(?:#step([0-9]+))?)");
  std::smatch match;
  if (!std::regex_match(name, match, kName)) return std::nullopt;
  return Case{.size = match[1],
              .grid = {std::stoll(match[2]), std::stoll(match[3])},
              .step = match[4].matched ? std::stoll(match[4]) : 1};
}

class FeedbackCheck {
 public:
  FeedbackCheck(TensorFile& file, const Json& facts, Report& report)
      : file_(file), facts_(facts), report_(report) {}

  void compare(const Case& one, const at::Tensor& stored) {
    const at::Tensor found =
        model::patch_queries(whole(one, stored), kPatch, facts_.at("temp_thd"));
    const at::Tensor* expected = file_.find(one.size + ".patch_ids");
    if (expected == nullptr) return;
    const at::Tensor ids = expected->to(at::kLong);
    if (ids.sizes() != found.sizes())
      return report_.failed("sfr " + one.size + ".patch_ids", "another shape");
    report_.counted("sfr " + one.size + ".patch_ids", static_cast<std::uint64_t>(ids.numel()),
                    count_differing(found, ids), 0, heads::kPatchQueries);
    compare_matrices(one.size, ids);
  }

 private:
  /// [Q, H, W] of all pixels.
  at::Tensor whole(const Case& one, const at::Tensor& stored) const {
    const at::Tensor pixels = stored.repeat_interleave(one.step, 1).repeat_interleave(one.step, 2);
    return pixels.slice(1, 0, kPatch * one.grid.rows + kRowsBeyond)
        .slice(2, 0, kPatch * one.grid.columns + kColumnsBeyond);
  }

  void compare_matrices(const std::string& size, const at::Tensor& ids) {
    for (const bool remove : {false, true}) {
      const std::string name = size + ".matrix." + (remove ? "delete" : "keep");
      if (!file_.has(name)) continue;
      const model::FeedbackRule rule{facts_.at("gaussian_std"), remove};
      compare_tensor(report_, "sfr " + name, model::feedback_matrix(ids, rule), file_, name,
                     heads::kFeedback);
    }
  }

  TensorFile& file_;
  const Json& facts_;
  Report& report_;
};

}  // namespace

void compare_feedback(Folder& folder, Report& report) {
  const Json* facts = folder.json("resclip/sfr.json");
  TensorFile* file = folder.tensors("resclip/sfr.safetensors");
  if (facts == nullptr || file == nullptr) return;
  FeedbackCheck check(*file, *facts, report);
  for (const std::string& name : file->names()) {
    if (const auto one = parse_case(name)) check.compare(*one, *file->find(name));
  }
}

}  // namespace tagalign::golden::resclip
