/// Rows of the tables `results` and `snapshots`, for whoever writes a database. Private to this folder.
#pragma once

#include <optional>
#include <string>

#include "base/ids.h"
#include "coordinator/store/sqlite_database.h"
#include "coordinator/wire/messages.h"

namespace tagalign::store {

/// `insert`: of kInsertResult (schema.h). One that is there stays.
Status insert_result(Statement& insert, JobId job, const wire::EvaluationResult& result);
/// Column `json` of a result; nullopt when there is none.
Result<std::optional<std::string>> read_result(sqlite3* database, const std::string& key);
/// Column `json` as it was written; nullopt for a text that is damaged, or that lacks fields which
/// results have by now.
std::optional<wire::EvaluationResult> parse_result_row(const std::string& json);

/// `bytes` of encode_snapshot(), in parts; one of that number is replaced.
Status insert_snapshot(sqlite3* database, std::uint64_t sequence, std::string_view bytes);

}  // namespace tagalign::store
