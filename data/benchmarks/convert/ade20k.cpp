#include "base/format.h"
#include "data/benchmarks/convert/converter_parts.h"
#include "data/benchmarks/convert/converters.h"

namespace tagalign::data {
namespace {

const Expectation kExpected{"a folder with images/validation and annotations/validation",
                            "ADEChallengeData2016.zip (not the full ADE20K_2016_07_26 or "
                            "ADE20K_2021_17_01, which has 3,000 "
                            "classes)"};

void plan_split(const SourceTree& tree, const Path& root, const std::string& split, Plan& plan) {
  const Path images = Path("images") / split;
  const Path labels = Path("annotations") / split;
  const Stems photos = stems_of(tree.at(root / images), kPhotoSuffixes);
  const Stems maps = stems_of(tree.at(root / labels), {".png"});
  for (const auto& [stem, file] : photos) {
    plan.tasks.push_back({images / (stem + ".jpg"), root / images / file, nullptr});
    if (!maps.contains(stem))
      plan.missing.push_back({stem + ".png", format("{} has no map in {}", file, labels.string())});
  }
  for (const auto& [stem, file] : maps) {
    plan.tasks.push_back({labels / (stem + ".png"), root / labels / file, nullptr});
    if (!photos.contains(stem))
      plan.missing.push_back(
          {stem + ".jpg", format("{} has no photograph in {}", file, images.string())});
  }
}

}  // namespace

Result<Plan> plan_ade20k(const ConverterInput& input) {
  TA_ASSIGN_OR_RETURN(const SourceTree tree, scan_source(input));
  const auto splits = wanted_splits(input, {"training", "validation"});
  const SourceFolder* root = tree.find([&](const SourceFolder& folder) {
    for (const std::string& split : splits) {
      const SourceFolder* photos = tree.at(folder.path / "images" / split);
      const SourceFolder* labels = tree.at(folder.path / "annotations" / split);
      if (photos == nullptr || labels == nullptr || !photos->has_file_like(".jpg")) return false;
    }
    return true;
  });
  if (root == nullptr) return wrong_source(input, tree, kExpected);
  Plan plan;
  for (const std::string& split : splits) plan_split(tree, root->path, split, plan);
  return plan;
}

}  // namespace tagalign::data
