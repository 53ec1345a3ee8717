#include <algorithm>
#include <memory>

#include "base/format.h"
#include "data/benchmarks/convert/converters.h"
#include "data/benchmarks/convert/voc_folder.h"
#include "data/benchmarks/sources/context_json.h"

namespace tagalign::data {
namespace {

constexpr char kLabelFolder[] = "SegmentationClassContext";
const Expectation kExpected{
    "trainval_merged.json and a folder VOC2010 with JPEGImages (or, in place of the JSON, "
    "SegmentationClassContext and ImageSets/SegmentationContext/val.txt made earlier)",
    "VOCtrainval_03-May-2010.tar and trainval_merged.json (not 59_context_labels.tar.gz, whose ids "
    "are in another order)"};

Path list_of(const std::string& split) {
  return Path("ImageSets") / "SegmentationContext" / (split + ".txt");
}

void plan_photo(const SourceFolder& photos, const Stems& stems, const std::string& name,
                Plan& plan) {
  const auto photo = stems.find(name);
  if (photo == stems.end()) {
    plan.missing.push_back({name + ".jpg", "listed, but not in JPEGImages"});
  } else {
    plan.tasks.push_back(
        {Path("JPEGImages") / (name + ".jpg"), photos.path / photo->second, nullptr});
  }
}

/// Labels painted from the JSON.
void plan_painted(const std::shared_ptr<const std::map<std::int64_t, ContextImage>>& images,
                  const Path& json_path, const std::string& split, std::vector<std::string>& names,
                  Plan& plan) {
  for (const auto& [id, image] : *images) {
    if (image.phase != split) continue;
    const std::string name = Path(image.file).stem().string();
    names.push_back(name);
    plan.tasks.push_back({Path(kLabelFolder) / (name + ".png"), json_path,
                          [images, &image](FileSystem&) -> Result<std::string> {
                            TA_ASSIGN_OR_RETURN(const LabelMap label, paint_context(image));
                            return encode_label_png(label);
                          }});
  }
  std::sort(names.begin(), names.end());
}

/// Labels that somebody else's converter made.
Status plan_made(const ConverterInput& input, const SourceTree& tree, const Path& root,
                 const std::string& split, std::vector<std::string>& names, Plan& plan) {
  TA_ASSIGN_OR_RETURN(names, read_name_list(input.files, root / list_of(split)));
  const Stems labels = stems_of(tree.at(root / kLabelFolder), {".png"});
  for (const std::string& name : names) {
    const auto label = labels.find(name);
    if (label == labels.end()) {
      plan.missing.push_back({name + ".png", format("listed, but not in {}", kLabelFolder)});
    } else {
      plan.tasks.push_back(
          {Path(kLabelFolder) / (name + ".png"), root / kLabelFolder / label->second, nullptr});
    }
  }
  return {};
}

bool has_made_labels(const SourceTree& tree, const SourceFolder& voc, const std::string& split) {
  const SourceFolder* lists = tree.at((voc.path / list_of(split)).parent_path());
  return tree.at(voc.path / kLabelFolder) != nullptr && lists != nullptr &&
         lists->has_file_like(split + ".txt");
}

}  // namespace

Result<Plan> plan_context(const ConverterInput& input) {
  TA_ASSIGN_OR_RETURN(const SourceTree tree, scan_source(input));
  const SourceFolder* voc = find_voc(tree, "VOC2010", {"JPEGImages"});
  const auto json_path = tree.find_file("trainval_merged.json");
  if (voc == nullptr) return no_voc(input, tree, kExpected, "VOC2010");
  if (!json_path && !has_made_labels(tree, *voc, "val"))
    return wrong_source(input, tree, kExpected);
  const SourceFolder& photos = *tree.at(voc->path / "JPEGImages");
  const Stems stems = stems_of(&photos, kPhotoSuffixes);
  auto images = std::make_shared<std::map<std::int64_t, ContextImage>>();
  if (json_path) {
    TA_ASSIGN_OR_RETURN(*images, read_context_json(input.files, *json_path));
  }
  Plan plan;
  for (const std::string& split : wanted_splits(input, {"train", "val"})) {
    std::vector<std::string> names;
    if (json_path)
      plan_painted(images, *json_path, split, names, plan);
    else
      TA_RETURN_IF_ERROR(plan_made(input, tree, voc->path, split, names, plan));
    if (names.empty()) {
      return invalid_argument(
          format("prepare {}: {} names no image of phase '{}'; expected the "
                 "official trainval_merged.json",
                 input.benchmark, json_path->string(), split));
    }
    for (const std::string& name : names) plan_photo(photos, stems, name, plan);
    plan.texts.emplace_back(list_of(split), name_lines(names));
  }
  if (!json_path)
    plan.notes.push_back(format("labels taken from {}, not made from trainval_merged.json",
                                (voc->path / kLabelFolder).string()));
  return plan;
}

}  // namespace tagalign::data
