#include "tests/golden/check/proxyclip/checks.h"

#include <ATen/core/grad_mode.h>

#include <memory>
#include <optional>
#include <regex>
#include <utility>

#include "model/methods/proxyclip/attention.h"
#include "model/methods/proxyclip/proxyclip.h"
#include "tests/golden/check/compare.h"
#include "tests/golden/check/heads/bounds.h"
#include "tests/golden/check/heads/runs.h"
#include "tests/golden/check/heads/sources.h"

namespace tagalign::golden::proxyclip {
namespace {

constexpr char kRoom[] = "proxyclip";

/// The section with the folder's DINO; nullopt after a line.
std::optional<config::ProxyClipEvaluation> section_of(Folder& folder, Report& report) {
  const Json* facts = folder.json("proxyclip/proxyclip.json");
  const auto found = folder.list(kRoom, "dino", ".safetensors");
  if (found.size() != 1) {
    report.missing("proxyclip/dino*.safetensors", "expected one file");
    return std::nullopt;
  }
  const auto file = folder.file(found.front());
  TensorFile* weights = folder.tensors(found.front());
  if (facts == nullptr || !file || weights == nullptr) return std::nullopt;
  weights->all();  // the product reads the file by itself, and names what it does not take
  config::ProxyClipEvaluation section;
  section.dino = file->string();
  section.dino_heads = facts->at("dino").at("num_heads");
  return section;
}

/// [B, P, D] → [B, D, h, w]
at::Tensor as_planes(const at::Tensor& rows, model::PatchGrid grid) {
  return rows.transpose(1, 2).reshape({rows.size(0), rows.size(2), grid.rows, grid.columns});
}

class EncoderCheck {
 public:
  EncoderCheck(TensorFile& file, const model::VisionTower& vision,
               std::shared_ptr<const model::DinoTower> dino,
               const config::ProxyClipEvaluation& section, Report& report)
      : file_(file), vision_(vision), dino_(std::move(dino)), section_(section), report_(report) {}

  void compare(const std::string& name) {
    static const std::regex kInput(R"(input\.([0-9]+x[0-9]+))");
    std::smatch match;
    if (std::regex_match(name, match, kInput)) compare_size(match[1], *file_.find(name));
  }

 private:
  /// The official code takes one mean for all windows of a batch, the product one for each: the
  /// batch's is given here, and a single window goes the product's way.
  void compare_size(const std::string& size, const at::Tensor& windows) {
    const model::PatchGrid grid = dino_->grid_of(windows);
    const at::Tensor features = dino_->encode(model::imagenet_pixels(windows));
    line(size + ".dino_features", as_planes(features, grid), heads::kDinoFeatures);
    const at::Tensor cosines = model::patch_cosines(features);
    const at::Tensor weights = model::proxy_weights(cosines, cosines.mean().view({1, 1, 1}),
                                                    {section_.beta, section_.gamma});
    line(size + ".attention", weights, heads::kProxyAttention);
    line(size + ".features", windows.size(0) == 1 ? encoded(windows) : applied(windows, weights),
         heads::kProxyFeatures);
  }

  at::Tensor encoded(const at::Tensor& windows) const {
    return model::proxy_encoder(vision_, dino_, section_)->encode(windows).rows;
  }
  at::Tensor applied(const at::Tensor& windows, const at::Tensor& weights) const {
    const auto rule = model::position_rule(section_.settings);
    return model::apply_proxy(vision_, windows, rule, weights, dino_->grid_of(windows));
  }
  void line(const std::string& name, const at::Tensor& found, const Tolerance& tolerance) {
    compare_tensor(report_, "encoder " + name, found, file_, name, tolerance);
  }

  TensorFile& file_;
  const model::VisionTower& vision_;
  std::shared_ptr<const model::DinoTower> dino_;
  const config::ProxyClipEvaluation& section_;
  Report& report_;
};

}  // namespace

void check_proxyclip(Folder& folder, Report& report) {
  const at::NoGradGuard no_grad;
  const auto clip = load_clip(folder, report);
  const auto section = section_of(folder, report);
  TensorFile* file = folder.tensors("proxyclip/encoder.safetensors");
  if (clip == nullptr || !section || file == nullptr) return;
  auto dino = model::load_dino(clip->materials(), *section);
  if (!dino.ok()) return report.failed("the DINO of the folder", dino.status().message());
  EncoderCheck check(*file, clip->vision, std::move(dino).value(), *section, report);
  for (const std::string& name : file->names()) check.compare(name);
  heads::compare_runs(folder, *clip, kRoom, *section, report);
}

}  // namespace tagalign::golden::proxyclip
