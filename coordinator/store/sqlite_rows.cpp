#include "coordinator/store/sqlite_rows.h"

#include <nlohmann/json.hpp>

#include "base/json_text.h"
#include "coordinator/store/fact_codec.h"
#include "coordinator/store/schema.h"
#include "coordinator/wire/json.h"
#include "coordinator/wire/settings.h"

namespace tagalign::store {
namespace {

constexpr std::size_t kPartBytesMax = 16U << 20;  // of a snapshot, one row each

}  // namespace

Status insert_result(Statement& insert, JobId job, const wire::EvaluationResult& result) {
  const std::string json = json_text(nlohmann::json(result));
  const std::string shown = wire::shown(result.protocol);
  insert.bind(result.key)
      .bind(static_cast<std::int64_t>(job.value))
      .bind(result.method)
      .bind(static_cast<std::int64_t>(result.step))
      .bind(result.dataset)
      .bind(shown)
      .bind(json);
  return insert.run("append a result to coordinator.sqlite");
}

std::optional<wire::EvaluationResult> parse_result_row(const std::string& json) try {
  return nlohmann::json::parse(json).get<wire::EvaluationResult>();
} catch (const nlohmann::json::exception&) {
  return std::nullopt;
}

Result<std::optional<std::string>> read_result(sqlite3* database, const std::string& key) {
  TA_ASSIGN_OR_RETURN(Statement row,
                      Statement::prepare(database, "SELECT json FROM results WHERE key = ?"));
  row.bind(key);
  TA_ASSIGN_OR_RETURN(const bool found, row.next("read a result"));
  if (!found) return std::optional<std::string>();
  return std::optional(std::string(row.bytes(0)));
}

Status insert_snapshot(sqlite3* database, std::uint64_t sequence, std::string_view bytes) {
  TA_ASSIGN_OR_RETURN(Statement insert, Statement::prepare(database, kInsertSnapshot));
  const std::size_t parts = (bytes.size() + kPartBytesMax - 1) / kPartBytesMax;
  for (std::size_t part = 0; part < parts; ++part) {
    const std::string_view payload = bytes.substr(part * kPartBytesMax, kPartBytesMax);
    insert.bind(static_cast<std::int64_t>(sequence))
        .bind(static_cast<std::int64_t>(part))
        .bind(static_cast<std::int64_t>(parts))
        .bind(std::int64_t{kFactFormat})
        .bind(static_cast<std::int64_t>(row_checksum(kFactFormat, payload)))
        .bind_blob(payload);
    TA_RETURN_IF_ERROR(insert.run("write a snapshot"));
  }
  return ok_status();
}

}  // namespace tagalign::store
