#include "worker/evaluate/result_file.h"

#include <nlohmann/json.hpp>

#include "base/checksum.h"
#include "base/format.h"
#include "base/limits.h"
#include "coordinator/wire/json.h"
#include "worker/evaluate/evaluation_revision.h"

namespace tagalign::jobs {
namespace {

using nlohmann::json;
using wire::EvaluationResult;

constexpr int kFormatVersion = 3;

json document_of(const EvaluationResult& result) {
  json document = result;
  document["format"] = kFormatVersion;
  document["evaluation_revision"] = kEvaluationRevision;
  return document;
}

bool consistent(const EvaluationResult& r, const std::string& key) {
  const auto n = r.classes.size();
  return r.key == key && content_key(r) == key && r.intersect.size() == n && r.union_.size() == n &&
         r.predicted.size() == n && r.labelled.size() == n &&
         (r.average_precision.empty() || r.average_precision.size() == n);
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
  return files.write_durable(result_path(folder, result.key), document_of(result).dump(1) + "\n");
}

Result<EvaluationResult> read_result(FileSystem& files, const Path& folder,
                                     const std::string& key) {
  const Path path = result_path(folder, key);
  TA_ASSIGN_OR_RETURN(const std::string text, files.read_file(path, limits::kConfigFileBytesMax));
  try {
    json document = json::parse(text);
    if (document.at("format") < 3) document["average_precision"] = json::array();
    const auto result = document.get<EvaluationResult>();
    if (consistent(result, key)) return result;
  } catch (const json::exception& error) {
    return data_loss(format("result file {}: {}", path.string(), error.what()));
  }
  return data_loss(
      format("result file {}: its contents do not belong to its name; it will be computed again",
             path.string()));
}

}  // namespace tagalign::jobs
