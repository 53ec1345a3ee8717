#include "coordinator/store/sqlite_database.h"

#include "coordinator/store/schema.h"
#include "coordinator/store/state_folder.h"

namespace tagalign::store {
namespace {

constexpr int kBusyMs = 10'000;  // a person's sqlite3 may hold the file for a moment

}  // namespace

Status failure(sqlite3* database, std::string_view operation) {
  const std::string message = format("{}: {}", operation, sqlite3_errmsg(database));
  switch (sqlite3_errcode(database) & 0xff) {
    case SQLITE_FULL:
      return no_space(message + "; free space and the coordinator goes on");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return unavailable(message + "; another program holds the database");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return data_loss(format("{}; {}", message, kWayOut));
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return permission_denied(message);
    default:
      return internal_error(message);
  }
}

Result<Database> open_file(const Path& path, int flags) {
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &raw, flags, nullptr);
  Database database(raw);
  if (code != SQLITE_OK) return failure(raw, format("open {}", path.string()));
  sqlite3_busy_timeout(raw, kBusyMs);
  return database;
}

Status configure(sqlite3* database, const Path& folder) {
  const bool remote = network_file_system(folder) != nullptr;
  TA_RETURN_IF_ERROR(
      execute(database, remote ? "PRAGMA journal_mode=DELETE" : "PRAGMA journal_mode=WAL"));
  return execute(database, remote ? "PRAGMA synchronous=EXTRA" : "PRAGMA synchronous=FULL");
}

Status check_pages(sqlite3* database, std::span<const char* const> selects) {
  for (const char* select : selects) {
    const Status readable = Statement::prepare(database, select).status();
    if (readable.code() == ErrorCode::kInternal)
      return data_loss(format("{}; {}", readable.message(), kWayOut));
    TA_RETURN_IF_ERROR(readable);
  }
  TA_ASSIGN_OR_RETURN(Statement check, Statement::prepare(database, "PRAGMA quick_check(1)"));
  TA_ASSIGN_OR_RETURN(const bool found, check.next("check the pages"));
  if (found && check.bytes(0) == "ok") return ok_status();
  return data_loss(format("{}; {}", found ? check.bytes(0) : "no answer", kWayOut));
}

Status execute(sqlite3* database, const std::string& sql) {
  if (sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK)
    return ok_status();
  return failure(database, format("run \"{}\"", sql.substr(0, 60)));
}

Result<std::int64_t> query_integer(sqlite3* database, const char* sql) {
  TA_ASSIGN_OR_RETURN(Statement query, Statement::prepare(database, sql));
  TA_ASSIGN_OR_RETURN(const bool found, query.next(sql));
  return found ? query.integer(0) : 0;
}

}  // namespace tagalign::store
