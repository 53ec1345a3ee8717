#include "tests/golden/check/heads/checks.h"

#include <ATen/core/grad_mode.h>

#include "tests/golden/check/heads/encoder.h"
#include "tests/golden/check/heads/runs.h"
#include "tests/golden/check/heads/sources.h"

namespace tagalign::golden::heads {
namespace {

void check_head(Folder& folder, Report& report, const std::string& method) {
  const at::NoGradGuard no_grad;
  const auto clip = load_clip(folder, report);
  if (clip == nullptr) return;
  compare_encoder(folder, *clip->base, method, clip->vision, report);
  compare_runs(folder, *clip, method, report);
}

}  // namespace

void check_sclip(Folder& folder, Report& report) {
  check_head(folder, report, "sclip");
}
void check_naclip(Folder& folder, Report& report) {
  check_head(folder, report, "naclip");
}
void check_clearclip(Folder& folder, Report& report) {
  check_head(folder, report, "clearclip");
}
void check_maskclip(Folder& folder, Report& report) {
  check_head(folder, report, "maskclip");
}

}  // namespace tagalign::golden::heads
