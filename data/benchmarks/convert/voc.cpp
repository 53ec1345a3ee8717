#include "base/format.h"
#include "data/benchmarks/convert/converters.h"
#include "data/benchmarks/convert/voc_folder.h"

namespace tagalign::data {
namespace {

const Expectation kExpected{
    "a folder VOC2012 with JPEGImages, SegmentationClass and ImageSets/Segmentation/val.txt",
    "VOCtrainval_11-May-2012.tar"};

Status plan_split(const ConverterInput& input, const SourceTree& tree, const Path& root,
                  const std::string& split, Plan& plan) {
  const Path list = Path("ImageSets") / "Segmentation" / (split + ".txt");
  TA_ASSIGN_OR_RETURN(const auto names, read_name_list(input.files, root / list));
  const Stems photos = stems_of(tree.at(root / "JPEGImages"), kPhotoSuffixes);
  const Stems labels = stems_of(tree.at(root / "SegmentationClass"), {".png"});
  for (const std::string& name : names) {
    const auto photo = photos.find(name);
    const auto label = labels.find(name);
    if (photo == photos.end()) {
      plan.missing.push_back(
          {name + ".jpg", format("in {}, but not in JPEGImages", list.string())});
    } else {
      plan.tasks.push_back(
          {Path("JPEGImages") / (name + ".jpg"), root / "JPEGImages" / photo->second, nullptr});
    }
    if (label == labels.end()) {
      plan.missing.push_back(
          {name + ".png", format("in {}, but not in SegmentationClass", list.string())});
    } else {
      plan.tasks.push_back({Path("SegmentationClass") / (name + ".png"),
                            root / "SegmentationClass" / label->second, nullptr});
    }
  }
  plan.texts.emplace_back(list, name_lines(names));
  return {};
}

}  // namespace

Result<Plan> plan_voc(const ConverterInput& input) {
  TA_ASSIGN_OR_RETURN(const SourceTree tree, scan_source(input));
  const SourceFolder* voc =
      find_voc(tree, "VOC2012", {"JPEGImages", "SegmentationClass", "ImageSets"});
  if (voc == nullptr) return no_voc(input, tree, kExpected, "VOC2012");
  const SourceFolder* lists = tree.at(voc->path / "ImageSets" / "Segmentation");
  Plan plan;
  for (const std::string& split : wanted_splits(input, {"train", "val"})) {
    if (lists == nullptr || !lists->has_file_like(split + ".txt"))
      return wrong_source(input, tree, kExpected);
    TA_RETURN_IF_ERROR(plan_split(input, tree, voc->path, split, plan));
  }
  return plan;
}

}  // namespace tagalign::data
