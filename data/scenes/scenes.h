/// The embedded data set "scenes": procedural images with textures, lighting, clutter and
/// occlusion, their captions, tags and pixel masks. The same bytes from the same seed on every
/// machine (integer or fixed-order double arithmetic).
///
/// Writes, below `output`:
///   train/images/000000.png …, train/captions.csv, train/tags.json, tag_names.txt
///       in the training layout of the reference
///   SPLIT/images/0000.png …, SPLIT/labels/0000.png …, SPLIT/classes.txt
///       in the segmentation layout
///   dataset.json
///       last: the set is complete
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/status.h"
#include "data/image/image.h"

namespace tagalign::data {

enum class SceneLook { kDay, kDusk };

struct SceneSplit {
  std::string name;
  int count = 0;
  int size = 128;  ///< pixels, side
  SceneLook look = SceneLook::kDay;
};

struct ScenesOptions {
  Path output;
  std::uint64_t seed = 1;
  int train_count = 0;
  double train_dusk_share = 0;  ///< of the training scenes that have the look of dusk; 0…1
  int train_size = 64;
  std::vector<SceneSplit> validation;
};

/// At least 12; each can be told by colour and texture. Class 0 … n-1 in the order of the label
/// ids; every pixel has a class.
const std::vector<std::string>& scene_classes();

struct Scene {
  Image image;
  LabelMap label;
  std::string caption;
  std::vector<std::int32_t> tags;  ///< classes that cover over 1 % of the pixels, ascending
};
Scene draw_scene(std::uint64_t seed, std::uint64_t index, int size, SceneLook look);

/// Does nothing when dataset.json says that the same options are complete. A run that was cut off
/// is started again; kAlreadyExists for a folder with other options or of other origin. Draws on up
/// to eight threads. `progress` gets (done, total) images.
Status prepare_scenes(FileSystem& files, const ScenesOptions& options,
                      const std::function<void(std::uint64_t, std::uint64_t)>& progress);

}  // namespace tagalign::data
