#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/counted.h"
#include "base/format.h"
#include "base/limits.h"
#include "data/benchmarks/convert/converter_parts.h"
#include "data/benchmarks/convert/converters.h"
#include "data/benchmarks/sources/polygons.h"

namespace tagalign::data {
namespace {

using nlohmann::json;

constexpr char kPhotoSuffix[] = "_leftImg8bit.png";
constexpr char kIdsSuffix[] = "_gtFine_labelIds.png";
constexpr char kPolygonsSuffix[] = "_gtFine_polygons.json";
constexpr char kTrainIdsSuffix[] = "_gtFine_labelTrainIds.png";
constexpr std::uint16_t kIgnored = 255;
constexpr int kSideMax = 1 << 14;

const Expectation kExpected{
    "leftImg8bit/val and gtFine/val with one folder a city",
    "leftImg8bit_trainvaltest.zip and gtFine_trainvaltest.zip (not gtCoarse.zip)"};

Status draw_object(const json& object, const Path& path, LabelMap& label) {
  if (object.contains("deleted") && object["deleted"] == 1) return {};
  const auto name = object.at("label").get<std::string>();
  const CityscapesId id = cityscapes_id_of(name);
  if (id.label == CityscapesLabel::kUnknown)
    return invalid_argument(
        format("convert {}: expected a label of Cityscapes, found '{}'", path.string(), name));
  if (id.label == CityscapesLabel::kNotDrawn) return {};
  std::vector<PolygonPoint> points;
  for (const json& point : object.at("polygon"))
    points.push_back({point.at(0).get<double>(), point.at(1).get<double>()});
  fill_polygon(points, id.train_id, label);
  return {};
}

Result<std::string> draw_polygons(FileSystem& files, const Path& path) {
  TA_ASSIGN_OR_RETURN(const std::string text, files.read_file(path, limits::kImageFileBytesMax));
  try {
    const json document = json::parse(text);
    LabelMap label{document.at("imgWidth").get<int>(), document.at("imgHeight").get<int>(), {}};
    if (label.width < 1 || label.height < 1 || label.width > kSideMax || label.height > kSideMax) {
      return invalid_argument(format("convert {}: expected a size of 1 … {}, found {} x {}",
                                     path.string(), kSideMax, label.width, label.height));
    }
    label.ids.assign(static_cast<std::size_t>(label.width) * static_cast<std::size_t>(label.height),
                     kIgnored);
    for (const json& object : document.at("objects"))
      TA_RETURN_IF_ERROR(draw_object(object, path, label));
    return encode_label_png(label);
  } catch (const json::exception& error) {
    return data_loss(
        format("convert {}: expected the polygons of Cityscapes, found {}; unpack "
               "gtFine_trainvaltest.zip again",
               path.string(), error.what()));
  }
}

/// The labels of one city by image name; the official ids come before polygons, and those before
/// maps that were converted earlier.
struct CityLabels {
  Stems ids;
  Stems polygons;
  Stems made;

  explicit CityLabels(const SourceFolder* city)
      : ids(stems_of(city, {kIdsSuffix})),
        polygons(stems_of(city, {kPolygonsSuffix})),
        made(stems_of(city, {kTrainIdsSuffix})) {}
};

struct City {
  Path photos;
  Path labels;
  std::string below;  ///< "val/lindau"
};

std::optional<Task> label_task(const City& city, const CityLabels& labels,
                               const std::string& stem) {
  const Path target = Path("gtFine") / city.below / (stem + kTrainIdsSuffix);
  if (const auto ids = labels.ids.find(stem); ids != labels.ids.end()) {
    const Path source = city.labels / ids->second;
    return Task{target, source, [source, table = cityscapes_ids()](FileSystem& files) {
                  return relabel(files, source, table, kCityscapesIdMax);
                }};
  }
  if (const auto polygons = labels.polygons.find(stem); polygons != labels.polygons.end()) {
    const Path source = city.labels / polygons->second;
    return Task{target, source,
                [source](FileSystem& files) { return draw_polygons(files, source); }};
  }
  if (const auto made = labels.made.find(stem); made != labels.made.end())
    return Task{target, city.labels / made->second, nullptr};
  return std::nullopt;
}

void plan_city(const SourceTree& tree, const City& city, Plan& plan) {
  const Stems photos = stems_of(tree.at(city.photos), {kPhotoSuffix});
  const CityLabels labels(tree.at(city.labels));
  std::size_t from_polygons = 0;
  for (const auto& [stem, file] : photos) {
    plan.tasks.push_back(
        {Path("leftImg8bit") / city.below / (stem + kPhotoSuffix), city.photos / file, nullptr});
    const auto task = label_task(city, labels, stem);
    if (!task) {
      plan.missing.push_back({stem + kIdsSuffix, format("{} has neither ids nor polygons in {}",
                                                        file, city.labels.string())});
      continue;
    }
    if (ends_like(task->source.string(), kPolygonsSuffix)) ++from_polygons;
    plan.tasks.push_back(*task);
  }
  for (const auto& [stem, file] : labels.ids) {
    if (!photos.contains(stem))
      plan.missing.push_back(
          {stem + kPhotoSuffix, format("{} has no photograph in {}", file, city.photos.string())});
  }
  if (from_polygons > 0)
    plan.notes.push_back(format(
        "{}: {} drawn from polygons, for want of {}; single pixels at borders may differ from "
        "the official maps",
        city.below, counted(from_polygons, "label map"), kIdsSuffix));
}

const SourceFolder* find_part(const SourceTree& tree, const std::string& part,
                              const std::vector<std::string>& splits) {
  return tree.find([&](const SourceFolder& folder) {
    return folder.name() == part &&
           std::all_of(splits.begin(), splits.end(),
                       [&](const std::string& split) { return folder.has_folder(split); });
  });
}

}  // namespace

Result<Plan> plan_cityscapes(const ConverterInput& input) {
  TA_ASSIGN_OR_RETURN(const SourceTree tree, scan_source(input));
  const auto splits = wanted_splits(input, {"train", "val"});
  const SourceFolder* photos = find_part(tree, "leftImg8bit", splits);
  const SourceFolder* labels = find_part(tree, "gtFine", splits);
  if (photos == nullptr || labels == nullptr) return wrong_source(input, tree, kExpected);
  Plan plan;
  for (const std::string& split : splits) {
    const SourceFolder* cities = tree.at(photos->path / split);
    TA_CHECK(cities != nullptr);
    for (const std::string& city : cities->folders) {
      plan_city(tree,
                {photos->path / split / city, labels->path / split / city, split + "/" + city},
                plan);
    }
  }
  return plan;
}

}  // namespace tagalign::data
