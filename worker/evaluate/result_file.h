/// One evaluation result on disk: OUTPUT/KEY.json, as coordinator/wire/result_document.h writes it.
#pragma once

#include "base/file_system.h"
#include "base/status.h"
#include "coordinator/wire/messages.h"

namespace tagalign::jobs {

/// wire::content_key() under this code's evaluation revision (evaluation_revision.h).
std::string content_key(const wire::EvaluationResult& result);

Path result_path(const Path& folder, const std::string& key);
Status write_result(FileSystem& files, const Path& folder, const wire::EvaluationResult& result);
/// kNotFound, or kDataLoss when the file does not hold what its name says.
Result<wire::EvaluationResult> read_result(FileSystem& files, const Path& folder,
                                           const std::string& key);

}  // namespace tagalign::jobs
