#include "worker/evaluate/result_file.h"

#include <nlohmann/json.hpp>

#include "base/checksum.h"
#include "base/format.h"
#include "base/limits.h"
#include "coordinator/wire/settings_json.h"
#include "worker/evaluate/evaluation_revision.h"

namespace tagalign::jobs {
namespace {

using nlohmann::json;
using wire::EvaluationResult;

constexpr int kFormatVersion = 2;

json to_json(const EvaluationResult& r) {
  return {{"format", kFormatVersion},
          {"key", r.key},
          {"method", r.method},
          {"step", r.step},
          {"dataset", r.dataset},
          {"dataset_digest", r.dataset_digest},
          {"weights_digest", r.weights_digest},
          {"protocol", r.protocol},
          {"evaluation_revision", kEvaluationRevision},
          {"code_version", r.code_version},
          {"images", r.images},
          {"classes", r.classes},
          {"intersect", r.intersect},
          {"union", r.union_},
          {"predicted", r.predicted},
          {"labelled", r.labelled}};
}

EvaluationResult from_json(const json& j) {
  EvaluationResult r;
  j.at("key").get_to(r.key);
  j.at("method").get_to(r.method);
  j.at("step").get_to(r.step);
  j.at("dataset").get_to(r.dataset);
  j.at("dataset_digest").get_to(r.dataset_digest);
  j.at("weights_digest").get_to(r.weights_digest);
  j.at("protocol").get_to(r.protocol);
  j.at("code_version").get_to(r.code_version);
  j.at("images").get_to(r.images);
  j.at("classes").get_to(r.classes);
  j.at("intersect").get_to(r.intersect);
  j.at("union").get_to(r.union_);
  j.at("predicted").get_to(r.predicted);
  j.at("labelled").get_to(r.labelled);
  return r;
}

bool consistent(const EvaluationResult& r, const std::string& key) {
  const auto n = r.classes.size();
  return r.key == key && content_key(r) == key && r.intersect.size() == n && r.union_.size() == n &&
         r.predicted.size() == n && r.labelled.size() == n;
}

}  // namespace

std::string content_key(const EvaluationResult& r) {
  json settings = json::array();
  for (const auto& setting : r.protocol) settings.push_back({setting.subject, setting.value});
  const json content = {r.method,         r.step,   r.dataset,           r.dataset_digest,
                        r.weights_digest, settings, kEvaluationRevision, r.classes};
  return digest128(as_bytes(content.dump())).hex();
}

Path result_path(const Path& folder, const std::string& key) {
  return folder / (key + ".json");
}

Status write_result(FileSystem& files, const Path& folder, const EvaluationResult& result) {
  TA_RETURN_IF_ERROR(files.create_directories(folder));
  return files.write_durable(result_path(folder, result.key), to_json(result).dump(1) + "\n");
}

Result<EvaluationResult> read_result(FileSystem& files, const Path& folder,
                                     const std::string& key) {
  const Path path = result_path(folder, key);
  TA_ASSIGN_OR_RETURN(const std::string text, files.read_file(path, limits::kConfigFileBytesMax));
  try {
    const auto result = from_json(json::parse(text));
    if (consistent(result, key)) return result;
  } catch (const json::exception& error) {
    return data_loss(format("result file {}: {}", path.string(), error.what()));
  }
  return data_loss(
      format("result file {}: its contents do not belong to its name; it will be computed again",
             path.string()));
}

}  // namespace tagalign::jobs
