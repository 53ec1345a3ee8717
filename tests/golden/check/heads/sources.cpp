#include "tests/golden/check/heads/sources.h"

#include <sstream>
#include <utility>

#include "tests/golden/check/sources.h"
#include "worker/weights/weights.h"

namespace tagalign::golden::heads {

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

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

std::optional<std::vector<std::string>> class_lines(Folder& folder, const std::string& list) {
  const auto text = folder.bytes("classes/" + list + ".txt");
  if (!text) return std::nullopt;
  return lines_of(*text);
}

}  // namespace tagalign::golden::heads
