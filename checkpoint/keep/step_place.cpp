#include "checkpoint/keep/step_place.h"

#include "base/format.h"
#include "checkpoint/format/layout.h"

namespace tagalign::checkpoint {

Path StepPlace::path() const {
  return folder / step_name(step);
}

Result<StepPlace> place_of(const Path& step_folder) {
  Path path = step_folder.lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  const auto step = step_of_name(path.filename().string());
  if (step) return StepPlace{parent_of(path), *step};
  return invalid_argument(format("{}: expected the folder of a checkpoint, such as {}; name one",
                                 step_folder.string(), step_name(1200)));
}

}  // namespace tagalign::checkpoint
