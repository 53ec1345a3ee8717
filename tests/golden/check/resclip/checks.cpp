#include "tests/golden/check/resclip/checks.h"

#include <ATen/core/grad_mode.h>

#include <memory>
#include <utility>

#include "tests/golden/check/heads/runs.h"
#include "tests/golden/check/resclip/parts.h"

namespace tagalign::golden::resclip {
namespace {

/// The shared CLIP with the image encoder of this folder; nullptr after a line.
std::unique_ptr<Clip> load_deeper_clip(Folder& folder, Report& report) {
  auto clip = load_clip(folder, report);
  const auto found = folder.list(kRoom, "clip", ".safetensors");
  if (found.size() != 1) {
    report.missing("resclip/clip*.safetensors", "expected one file");
    return nullptr;
  }
  TensorFile* file = folder.tensors(found.front());
  if (clip == nullptr || file == nullptr) return nullptr;
  auto vision = model::VisionTower::create(file->all());
  if (!vision.ok()) {
    report.failed(file->path(), vision.status().message());
    return nullptr;
  }
  clip->vision = std::move(vision).value();
  return clip;
}

}  // namespace

void check_resclip(Folder& folder, Report& report) {
  const at::NoGradGuard no_grad;
  compare_feedback(folder, report);
  if (folder.is_left_out(kEncoder)) return report.left_out(kEncoder);
  const auto clip = load_deeper_clip(folder, report);
  if (clip == nullptr) return;
  compare_encoder(folder, *clip, report);
  heads::compare_runs(folder, *clip, kRoom, config::ResClipEvaluation(), report);
}

}  // namespace tagalign::golden::resclip
