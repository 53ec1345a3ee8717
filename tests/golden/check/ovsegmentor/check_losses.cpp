// Group ovsegmentor.losses: the three terms of the training loss, each alone, and their gradients.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>

#include "base/format.h"
#include "model/methods/ovsegmentor/losses.h"
#include "model/methods/ovsegmentor/ovsegmentor.h"
#include "model/training/losses.h"
#include "tests/golden/check/compare.h"
#include "tests/golden/check/ovsegmentor/checks.h"
#include "tests/golden/check/ovsegmentor/models.h"

namespace tagalign::golden::ovsegmentor {
namespace {

constexpr char kLosses[] = "losses/losses.safetensors";
constexpr char kErrors[] = "losses/errors.json";
constexpr char kModel[] = "tiny";   ///< the model of the losses, with its entity head
constexpr std::int64_t kHeads = 8;  ///< of the entity block, whatever the encoder has
constexpr Tolerance kContrast = scaled_bound(1e-5);
constexpr Tolerance kEntity = scaled_bound(5e-5);
constexpr Tolerance kMask{.absolute = 1e-6};
constexpr Tolerance kMaskGradient{.relative = 1e-5};

at::Tensor leaf(const at::Tensor& tensor) {
  return tensor.to(at::kFloat).clone().requires_grad_(true);
}

class LossCheck {
 public:
  LossCheck(Report& report, TensorFile& file) : report_(report), file_(file) {}

  void contrast(double logit_scale) {
    const at::Tensor image = leaf(*file_.find("contrast.image"));
    const at::Tensor text = leaf(*file_.find("contrast.text"));
    const at::Tensor scale = leaf(at::scalar_tensor(logit_scale));
    const at::Tensor value = model::infonce_loss(image, text, scale, {});
    value.backward();
    compare("contrast.value", value, kContrast);
    compare("contrast.grad_image", image.grad(), kContrast);
    compare("contrast.grad_text", text.grad(), kContrast);
    compare("contrast.grad_logit_scale", scale.grad(), kContrast);
  }

  void entity(const model::OvSegmentorText& text, const model::EntityHead& head,
              double logit_scale) {
    const model::TokenBatch question = tokens("question"), answer = tokens("answer");
    const at::Tensor words = leaf(text.tower.encode(question.ids, question.mask).detach());
    const at::Tensor groups = leaf(*file_.find("entity.groups"));
    const at::Tensor expected = text.encode(answer);
    const at::Tensor fused = head.fuse(words, groups), projected = head.project(fused);
    const at::Tensor value =
        model::infonce_loss(projected, expected, at::scalar_tensor(logit_scale), {});
    value.backward();
    compare("entity.question_words", words, kEntity);
    compare("entity.answer", expected, kEntity);
    compare("entity.block_row0", fused, kEntity);
    compare("entity.projected", projected, kEntity);
    compare("entity.value", value, kEntity);
    compare("entity.grad_groups", groups.grad(), kEntity);
    const std::string first = "entity.grad_question_words#row0_3";
    if (const at::Tensor* rows = file_.peek(first))
      compare(first, words.grad().slice(1, 0, rows->size(1)), kEntity);
  }

  void masks(double share) {
    const at::Tensor mask = leaf(*file_.find("mask.mask1")), pair = *file_.find("mask.mask2");
    const model::MaskMatch match = model::match_masks(mask, pair);
    const at::Tensor value = model::mask_consistency_loss(mask, pair, match, share);
    value.backward();
    compare("mask.matched1", match.first, {});
    compare("mask.matched2", match.second, {});
    compare("mask.value", value, kMask);
    compare_gradient(mask.grad());
  }

 private:
  model::TokenBatch tokens(const std::string& name) {
    return {file_.find(format("entity.{}_ids", name))->to(at::kLong),
            file_.find(format("entity.{}_attention_mask", name))->to(at::kBool)};
  }
  void compare(const std::string& name, const at::Tensor& found, const Tolerance& tolerance) {
    compare_tensor(report_, name, found.detach(), file_, name, tolerance);
  }
  /// Where a mask has two equal extremes either may get the gradient: their sum is the same.
  void compare_gradient(const at::Tensor& found) {
    const at::Tensor* expected = file_.find("mask.grad_mask1");
    const at::Tensor* mask = file_.peek("mask.mask1");
    if (expected == nullptr || mask == nullptr) return;
    const at::Tensor flat = mask->flatten(2);
    const at::Tensor extreme = flat.eq(flat.amax(2, true)).logical_or(flat.eq(flat.amin(2, true)));
    const auto inner = [&](const at::Tensor& x) { return x.flatten(2).masked_fill(extreme, 0); };
    const auto ends = [&](const at::Tensor& x) {
      return (x.flatten(2) * flat.eq(flat.amax(2, true))).sum(2);
    };
    const Tolerance bound{.absolute = 1e-5 * expected->abs().max().item<double>()};
    report_.deviation("mask.grad_mask1 between the extremes",
                      deviation_of(inner(found), inner(*expected)), bound);
    report_.deviation("mask.grad_mask1 at the largest values",
                      deviation_of(ends(found), ends(*expected)), bound);
  }

  Report& report_;
  TensorFile& file_;
};

}  // namespace

void check_losses(Folder& folder, Report& report) {
  const OvSegmentor method(folder, report);
  GroupedModels models(folder, report, method);
  TensorFile* file = folder.tensors(kLosses);
  TensorFile* all = folder.tensors(format("weights/{}.safetensors", kModel));
  const Json* errors = folder.json(kErrors);
  const Json* sizes = models.sizes(kModel);
  const auto own = models.weights(kModel);
  if (file == nullptr || all == nullptr || errors == nullptr || sizes == nullptr || !own) return;
  const auto towers = model::ovsegmentor_towers(
      *own, std::get<config::OvSegmentorEvaluation>(method.config(*sizes)), at::kCPU);
  if (!towers.ok()) return report.failed(kModel, towers.status().message());
  model::TensorSource source(all->all(), at::kCPU);
  const auto head = model::EntityHead::take(source, towers->image.encoder.width(),
                                            towers->text.tower.width(), kHeads);
  const double scale = all->all().at("logit_scale").to(at::kDouble).item<double>();
  LossCheck check(report, *file);
  check.contrast(scale);
  check.entity(towers->text, head, scale);
  check.masks(errors->at("cross_threshold").get<double>());
}

}  // namespace tagalign::golden::ovsegmentor
