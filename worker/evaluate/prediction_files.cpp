#include "worker/evaluate/prediction_files.h"

#include <ATen/TensorOperators.h>

#include <nlohmann/json.hpp>
#include <span>

#include "base/format.h"
#include "base/json_text.h"
#include "data/image/image.h"

namespace tagalign::jobs {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kWhite = 255.0;

std::string map_name(std::size_t class_index) {
  return format("{}.png", class_index);
}

/// As SAM takes them: points [[x, y], …] and labels, 1 where a point shows the class.
Json class_json(const std::string& name, std::size_t class_index,
                std::span<const model::PointPrompt> points) {
  Json entry = {{"class", name},
                {"map", map_name(class_index)},
                {"points", Json::array()},
                {"labels", Json::array()}};
  for (const auto& [x, y, inside] : points) {
    entry["points"].push_back({x, y});
    entry["labels"].push_back(inside ? 1 : 0);
  }
  return entry;
}

/// Of integers [H, W] from 0 to 65535.
data::LabelMap to_label_map(const at::Tensor& labels) {
  const auto wide = labels.to(at::kCPU, at::kInt).contiguous();
  const auto* values = wide.const_data_ptr<std::int32_t>();
  data::LabelMap map{static_cast<int>(wide.size(1)), static_cast<int>(wide.size(0)), {}};
  map.ids.assign(values, values + wide.numel());
  return map;
}

}  // namespace

Status PredictionFiles::write(const Path& path, const std::string& bytes) const {
  TA_RETURN_IF_ERROR(files_->create_directories(path.parent_path()));
  return files_->write_durable(path, bytes);
}

Status PredictionFiles::keep_prediction(const std::string& name,
                                        const data::LabelMap& labels) const {
  return write(folder_ / dataset_ / (name + ".png"), data::encode_label_png(labels));
}

Status PredictionFiles::keep_extras(const model::DenseScorer& scorer,
                                    const data::EvaluationImage& image, const at::Tensor& pixels,
                                    const std::vector<std::string>& classes) const {
  for (const auto& [name, labels] : scorer.label_maps(pixels)) {
    const auto map = data::resize_nearest_opencv(to_label_map(labels), image.original.width,
                                                 image.original.height);
    TA_RETURN_IF_ERROR(write(folder_of(name) / (image.name + ".png"), data::encode_label_png(map)));
  }
  const auto evidence = scorer.evidence(pixels, {image.original.height, image.original.width});
  return evidence ? keep_evidence(*evidence, image, classes) : ok_status();
}

Status PredictionFiles::keep_evidence(const model::ClassEvidence& evidence,
                                      const data::EvaluationImage& image,
                                      const std::vector<std::string>& classes) const {
  const std::size_t count = evidence.points.size();
  TA_CHECK(count <= classes.size(), "evidence of the classes");
  const std::size_t first = classes.size() - count;
  Json document = {{"image", image.name},
                   {"width", image.original.width},
                   {"height", image.original.height},
                   {"classes", Json::array()}};
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t index = first + i;
    document["classes"].push_back(class_json(classes[index], index, evidence.points[i]));
    const at::Tensor grey = (evidence.maps[static_cast<std::int64_t>(i)] * kWhite).round();
    TA_RETURN_IF_ERROR(write(folder_of("maps") / image.name / map_name(index),
                             data::encode_label_png(to_label_map(grey))));
  }
  return write(folder_of("points") / (image.name + ".json"), json_text(document, 1) + "\n");
}

}  // namespace tagalign::jobs
