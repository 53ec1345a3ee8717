#include "worker/evaluate/result_file.h"

#include "base/format.h"
#include "base/limits.h"
#include "coordinator/wire/result_document.h"
#include "worker/evaluate/evaluation_revision.h"

namespace tagalign::jobs {

using wire::EvaluationResult;

std::string content_key(const EvaluationResult& result) {
  return wire::content_key(result, kEvaluationRevision);
}

Path result_path(const Path& folder, const std::string& key) {
  return folder / (key + ".json");
}

Status write_result(FileSystem& files, const Path& folder, const EvaluationResult& result) {
  TA_RETURN_IF_ERROR(files.create_directories(folder));
  return files.write_durable(result_path(folder, result.key),
                             wire::to_text({result, kEvaluationRevision}));
}

Result<EvaluationResult> read_result(FileSystem& files, const Path& folder,
                                     const std::string& key) {
  const Path path = result_path(folder, key);
  TA_ASSIGN_OR_RETURN(const std::string text, files.read_file(path, limits::kConfigFileBytesMax));
  TA_ASSIGN_OR_RETURN(auto document, wire::parse_result(text, path.string()));
  if (document.result.key == key && document.evaluation_revision == kEvaluationRevision)
    return std::move(document.result);
  return data_loss(
      format("result file {}: its contents do not belong to its name; it will be computed again",
             path.string()));
}

}  // namespace tagalign::jobs
