/// One evaluation result on disk: OUTPUT/KEY.json, the fields of wire::EvaluationResult by
/// name, format version 2, and the evaluation revision.
#pragma once

#include "base/file_system.h"
#include "base/status.h"
#include "coordinator/wire/messages.h"

namespace tagalign::jobs {

/// Hex digest over every field that names the content (method, step, data set, weights, settings by
/// subject and value, classes) and the evaluation revision (evaluation_revision.h). The code version
/// is no part of it: code that gives the same numbers gives the same results.
std::string content_key(const wire::EvaluationResult& result);

Path result_path(const Path& folder, const std::string& key);
Status write_result(FileSystem& files, const Path& folder, const wire::EvaluationResult& result);
/// kNotFound, or kDataLoss when the file does not hold what its name says.
Result<wire::EvaluationResult> read_result(FileSystem& files, const Path& folder,
                                           const std::string& key);

}  // namespace tagalign::jobs
