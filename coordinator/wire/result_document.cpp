#include "coordinator/wire/result_document.h"

#include <nlohmann/json.hpp>

#include "base/checksum.h"
#include "base/file_system.h"
#include "base/format.h"
#include "base/json_text.h"
#include "coordinator/wire/json.h"

namespace tagalign::wire {
namespace {

using nlohmann::json;

constexpr int kFormatVersion = 3;

/// Below format 3 no image was ranked.
ResultDocument document_of(json document, int format_version) {
  if (format_version < 3) document["average_precision"] = json::array();
  return {document.get<EvaluationResult>(), document.at("evaluation_revision").get<int>()};
}

bool counts_fit(const EvaluationResult& r) {
  const auto n = r.classes.size();
  return r.intersect.size() == n && r.union_.size() == n && r.predicted.size() == n &&
         r.labelled.size() == n && (r.average_precision.empty() || r.average_precision.size() == n);
}

}  // namespace

std::string content_key(const EvaluationResult& r, int evaluation_revision) {
  json settings = json::array();
  for (const auto& setting : r.protocol) settings.push_back({setting.subject, setting.value});
  const json content = {r.method,         r.step,   r.dataset,           r.dataset_digest,
                        r.weights_digest, settings, evaluation_revision, r.classes};
  return digest128(as_bytes(json_text(content))).hex();
}

std::string to_text(const ResultDocument& document) {
  json object = document.result;
  object["format"] = kFormatVersion;
  object["evaluation_revision"] = document.evaluation_revision;
  return json_text(object, 1) + "\n";
}

Result<ResultDocument> parse_result(std::string_view text, const std::string& name) {
  ResultDocument document;
  try {
    json object = json::parse(text);
    const int version = object.at("format").get<int>();
    if (version > kFormatVersion) {
      return data_loss(
          format("result file {}: expected format {} or older, found {}; read it with "
                 "the TagAlign that wrote it",
                 name, kFormatVersion, version));
    }
    document = document_of(std::move(object), version);
  } catch (const json::exception& error) {
    return data_loss(format("result file {}: {}", name, error.what()));
  }
  const EvaluationResult& result = document.result;
  if (!counts_fit(result)) {
    return data_loss(
        format("result file {}: expected counts of {} classes, found {}, {}, {} and {}", name,
               result.classes.size(), result.intersect.size(), result.union_.size(),
               result.predicted.size(), result.labelled.size()));
  }
  const std::string key = content_key(result, document.evaluation_revision);
  if (result.key == key) return document;
  return data_loss(
      format("result file {}: expected the key of its content, {}, found {}: it was "
             "changed after it was written",
             name, key, result.key));
}

}  // namespace tagalign::wire
