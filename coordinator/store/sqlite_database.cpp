#include "coordinator/store/sqlite_database.h"

namespace tagalign::store {

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
      return data_loss(message + "; restore the state folder from a copy");
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return permission_denied(message);
    default:
      return internal_error(message);
  }
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
