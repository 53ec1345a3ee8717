/// Group tcl.masker: features, image embedding, masks of whole windows with and without PAMR.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <string>
#include <vector>

#include "base/format.h"
#include "model/methods/tcl/masker.h"
#include "model/training/losses.h"
#include "tests/golden/check/compare.h"
#include "tests/golden/check/tcl/bounds.h"
#include "tests/golden/check/tcl/checks.h"
#include "tests/golden/check/tcl/models.h"

namespace tagalign::golden::tcl {
namespace {

constexpr char kInput[] = "input.";
constexpr char kGenerated[] = ".generate_masks.";
constexpr char kFresh[] = "fresh.ie_freeze";

/// Of the spacing in "#stepN"; 1 without one.
std::int64_t step_of(const std::string& name) {
  const std::size_t mark = name.find("#step");
  return mark == std::string::npos ? 1 : std::stoll(name.substr(mark + 5));
}

at::Tensor every(const at::Tensor& map, std::int64_t step) {
  return map.slice(-2, 0, std::nullopt, step).slice(-1, 0, std::nullopt, step);
}

class MaskerCheck {
 public:
  MaskerCheck(Report& report, const Clip& clip, TensorFile& file)
      : report_(report), clip_(clip), file_(file) {}

  void run(const Tensors& trained) {
    check_text();
    const auto shape = model::masker_shape_of(trained, clip_.vision.shape().vision_layers);
    if (!shape.ok()) return report_.failed(kWeights, shape.status().message());
    model::Masker masker(*shape, clip_.vision, 0);
    if (const Status status = model::load_masker(masker, trained); !status.ok())
      return report_.failed(kWeights, status.message());
    const auto model = load_model(clip_, trained, report_);
    for (const std::string& name : file_.names()) {
      if (!name.starts_with(kInput)) continue;
      const std::string size = name.substr(std::string_view(kInput).size());
      const at::Tensor images = file_.find(name)->to(at::kFloat);
      if (file_.has(size + ".image_emb")) check_stages(masker, images, size);
      if (model != nullptr) check_generated(*model, images, size);
    }
    check_fresh(*shape);
  }

 private:
  void compare(const std::string& name, const at::Tensor& found, const Tolerance& tolerance) {
    compare_tensor(report_, name, found, file_, name, tolerance);
  }

  void check_text() {
    const at::Tensor* ids = file_.find("token_ids");
    if (ids == nullptr) return;
    const at::Tensor prompts = clip_.text.encode(ids->flatten(0, 1).to(at::kLong));
    compare("text_of_each_prompt", prompts, bounds::kEmbedding);
    const at::Tensor mean = prompts.view({ids->size(0), ids->size(1), -1}).mean(1);
    text_ = model::normalize_features(mean);
    compare("text_embedding", text_, bounds::kMask);
  }

  void check_stages(const model::Masker& masker, const at::Tensor& images,
                    const std::string& size) {
    const std::int64_t patch = clip_.vision.shape().patch_size;
    const model::Grid grid{images.size(2) / patch, images.size(3) / patch};
    const at::Tensor tokens = masker.frozen_tokens(clip_.vision, images);
    compare(size + ".clip_block", tokens, bounds::kFeatures);
    const at::Tensor dense =
        clip_.vision.encode(images, model::VisionAttention::kMaskClip).slice(1, 1);
    compare(size + ".clip_features", dense.transpose(1, 2).unflatten(2, {grid.h, grid.w}),
            bounds::kFeatures);
    compare(size + ".clip_forward", clip_.vision.encode_pooled(images), bounds::kEmbedding);
    const at::Tensor map = masker.embed(tokens, grid);
    compare(size + ".image_emb", map, bounds::kImageEmbedding);
    const at::Tensor similarity = model::Masker::similarity(map, text_);
    compare(size + ".simmap", similarity, bounds::kMask);
    const at::Tensor soft = at::sigmoid(masker.logits(similarity));
    compare(size + ".soft_mask", soft, bounds::kMask);
    check_hard(size, soft);
  }

  /// May differ only where the soft mask lies within rounding of one half.
  void check_hard(const std::string& size, const at::Tensor& soft) {
    const at::Tensor* expected = file_.find(size + ".hard_mask");
    if (expected == nullptr) return;
    const at::Tensor differs = (soft > 0.5).ne(expected->to(at::kBool));
    const auto count = differs.sum().item<std::int64_t>();
    const double margin =
        count == 0 ? 0.0 : (soft - 0.5).abs().masked_select(differs).max().item<double>();
    report_.counted(size + ".hard_mask", static_cast<std::uint64_t>(soft.numel()),
                    static_cast<std::uint64_t>(count), margin,
                    {.levels = bounds::kHalfMargin, .share = 1e-3});
  }

  /// "SIZE.generate_masks.pamrP.kpX#stepN": whole images as one window, by the evaluation's path.
  void check_generated(const model::DenseModel& model, const at::Tensor& images,
                       const std::string& size) {
    const std::string start = size + kGenerated;
    for (const std::string& name : file_.names()) {
      if (!name.starts_with(start)) continue;
      const std::string rest = name.substr(start.size());
      Run run{.pamr = rest.starts_with("pamr1."), .mix = std::stod(rest.substr(8))};
      run.window = run.stride = static_cast<int>(std::max(images.size(2), images.size(3)));
      const Prediction prediction(model, text_, run);
      std::vector<at::Tensor> maps;
      for (std::int64_t i = 0; i < images.size(0); ++i)
        maps.push_back(prediction.scores(images[i]));
      compare(name, every(at::stack(maps), step_of(name)),
              run.pamr ? bounds::kRefinedMask : bounds::kMask);
    }
  }

  /// Freshly built maskers: every cell of a CLIP patch is constant.
  void check_fresh(model::MaskerShape shape) {
    for (const std::string& name : file_.names()) {
      if (!name.starts_with(kFresh)) continue;
      shape.first_block = std::stoll(name.substr(std::string_view(kFresh).size()));
      const model::Masker masker(shape, clip_.vision, 0);
      const at::Tensor* expected = file_.find(name);
      const at::Tensor* images = fresh_input(*expected, step_of(name));
      if (images == nullptr) return report_.missing(name, "no input of its size");
      const at::Tensor pixels = images->to(at::kFloat);
      const std::int64_t patch = clip_.vision.shape().patch_size;
      const at::Tensor map = masker.embed(masker.frozen_tokens(clip_.vision, pixels),
                                          {pixels.size(2) / patch, pixels.size(3) / patch});
      compare(name, every(map, step_of(name)), bounds::kImageEmbedding);
    }
  }

  const at::Tensor* fresh_input(const at::Tensor& expected, std::int64_t step) {
    const std::int64_t side = clip_.vision.shape().patch_size / 4 * step;
    const std::string name =
        format("{}{}x{}", kInput, expected.size(2) * side, expected.size(3) * side);
    return file_.peek(name);
  }

  Report& report_;
  const Clip& clip_;
  TensorFile& file_;
  at::Tensor text_;  // [N, E] normalised
};

}  // namespace

void check_masker(Folder& folder, Report& report) {
  const at::NoGradGuard no_grad;
  const auto clip = load_clip(folder, report);
  TensorFile* file = folder.tensors("masker/masker.safetensors");
  TensorFile* trained = folder.tensors(kWeights);
  if (clip == nullptr || file == nullptr || trained == nullptr) return;
  folder.json("masker/masker.json");
  MaskerCheck(report, *clip, *file).run(trained->all());
}

}  // namespace tagalign::golden::tcl
