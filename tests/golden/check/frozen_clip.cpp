#include "tests/golden/check/frozen_clip.h"

#include <utility>

#include "tests/golden/check/sources.h"
#include "worker/weights/weights.h"

namespace tagalign::golden {

std::unique_ptr<Clip> load_clip(Folder& folder, Report& report) {
  auto base = base_folder(folder, report);
  if (base == nullptr) return nullptr;
  const auto weights = load_clip_weights(*base, report);
  auto tokenizer = load_tokenizer(*base, report);
  if (!weights || !tokenizer) return nullptr;
  auto vision = model::VisionTower::create(*weights);
  auto text = model::TextTower::create(*weights);
  for (const Status& status : {vision.status(), text.status()}) {
    if (!status.ok()) report.failed("the CLIP of the folder", status.message());
  }
  if (!vision.ok() || !text.ok()) return nullptr;
  vision->freeze({});  // as the program does
  text->freeze({});
  return std::make_unique<Clip>(Clip{std::move(base), std::move(vision).value(),
                                     std::move(text).value(), std::move(*tokenizer)});
}

model::Materials Clip::materials() const {
  return {.vision = &vision,
          .text = &text,
          .tokenizer = &tokenizer,
          .files = &posix_file_system(),
          .read_weights = [](const Path& path) -> Result<model::StateDict> {
            TA_ASSIGN_OR_RETURN(auto read, jobs::load_weights(posix_file_system(), path));
            return std::move(read.tensors);
          }};
}

}  // namespace tagalign::golden
