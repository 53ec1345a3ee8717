#include "base/format.h"
#include "data/benchmarks/convert/converter_parts.h"
#include "data/benchmarks/convert/converters.h"

namespace tagalign::data {
namespace {

constexpr std::uint16_t kIdMax = 181;
const Expectation kExpected{
    "a folder val2017 with photographs (.jpg) and a folder val2017 with maps of things and stuff "
    "(.png)",
    "val2017.zip and stuffthingmaps_trainval2017.zip (not stuff_trainval2017.zip, which has no "
    "things)"};

std::string suffix_of(const ConverterInput& input) {
  return input.benchmark == "coco_object" ? "_instanceTrainIds.png" : "_labelTrainIds.png";
}

/// The official maps: 000000000139.png, beside which converted ones may lie.
Stems official_maps(const SourceFolder* folder) {
  Stems stems = stems_of(folder, {".png"});
  std::erase_if(stems, [](const auto& entry) { return ends_like(entry.first, "TrainIds"); });
  return stems;
}

const SourceFolder* find_split(const SourceTree& tree, const std::string& split,
                               const std::function<bool(const SourceFolder&)>& holds) {
  return tree.find(
      [&](const SourceFolder& folder) { return folder.name() == split && holds(folder); });
}

/// Where the labels come from: the official maps, or maps that were converted earlier.
struct Labels {
  const SourceFolder* folder = nullptr;
  Stems stems;
  bool converted = false;
};

Labels find_labels(const SourceTree& tree, const std::string& split, const std::string& suffix) {
  Labels labels;
  labels.folder = find_split(
      tree, split, [](const SourceFolder& folder) { return !official_maps(&folder).empty(); });
  labels.stems = official_maps(labels.folder);
  if (labels.folder != nullptr) return labels;
  labels.folder = find_split(
      tree, split, [&](const SourceFolder& folder) { return folder.has_file_like(suffix); });
  labels.stems = stems_of(labels.folder, {suffix});
  labels.converted = true;
  return labels;
}

Task label_task(const Path& target, const Path& source, const Labels& labels,
                const ByteTable& table) {
  if (labels.converted) return {target, source, nullptr};
  return {target, source,
          [source, table](FileSystem& files) { return relabel(files, source, table, kIdMax); }};
}

void plan_split(const SourceFolder& photos, const Labels& labels, const std::string& suffix,
                const ByteTable& table, Plan& plan) {
  const std::string split = photos.name();
  const Stems stems = stems_of(&photos, kPhotoSuffixes);
  for (const auto& [stem, file] : stems) {
    plan.tasks.push_back({Path("images") / split / (stem + ".jpg"), photos.path / file, nullptr});
    if (!labels.stems.contains(stem))
      plan.missing.push_back(
          {stem + ".png", format("{} has no map in {}", file, labels.folder->path.string())});
  }
  for (const auto& [stem, file] : labels.stems) {
    plan.tasks.push_back(label_task(Path("annotations") / split / (stem + suffix),
                                    labels.folder->path / file, labels, table));
    if (!stems.contains(stem))
      plan.missing.push_back(
          {stem + ".jpg", format("{} has no photograph in {}", file, photos.path.string())});
  }
}

}  // namespace

Result<Plan> plan_coco(const ConverterInput& input) {
  TA_ASSIGN_OR_RETURN(const SourceTree tree, scan_source(input));
  const std::string suffix = suffix_of(input);
  const ByteTable table = input.benchmark == "coco_object" ? coco_object_ids() : coco_stuff_ids();
  Plan plan;
  for (const std::string& split : wanted_splits(input, {"train2017", "val2017"})) {
    const SourceFolder* photos = find_split(
        tree, split, [](const SourceFolder& folder) { return folder.has_file_like(".jpg"); });
    const Labels labels = find_labels(tree, split, suffix);
    if (photos == nullptr || labels.folder == nullptr) return wrong_source(input, tree, kExpected);
    plan_split(*photos, labels, suffix, table, plan);
    if (labels.converted)
      plan.notes.push_back(format("labels taken from {}, not made from the official maps",
                                  labels.folder->path.string()));
  }
  return plan;
}

}  // namespace tagalign::data
