/// SQLite as the store needs it: an open database, statements with values bound in order, errors as
/// Status. Only the files sqlite_* of this folder see SQLite.
#pragma once

#include <sqlite3.h>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/file_system.h"
#include "base/format.h"
#include "base/status.h"

namespace tagalign::store {

struct CloseDatabase {
  void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
};
using Database = std::unique_ptr<sqlite3, CloseDatabase>;

/// What the newest error of `database` means; `operation` is what was tried.
Status failure(sqlite3* database, std::string_view operation);

/// A prepared statement: bind in order, step, reset.
class Statement {
 public:
  static Result<Statement> prepare(sqlite3* database, const char* sql) {
    sqlite3_stmt* raw = nullptr;
    if (sqlite3_prepare_v2(database, sql, -1, &raw, nullptr) != SQLITE_OK) {
      return failure(database, format("prepare \"{}\"", sql));
    }
    return Statement(database, raw);
  }

  Statement& bind(std::int64_t value) {
    return check(sqlite3_bind_int64(raw_.get(), ++bound_, value));
  }
  Statement& bind(std::string_view text) {
    return check(sqlite3_bind_text64(raw_.get(), ++bound_, text.data(), text.size(), SQLITE_STATIC,
                                     SQLITE_UTF8));
  }
  Statement& bind_blob(std::string_view bytes) {
    return check(
        sqlite3_bind_blob64(raw_.get(), ++bound_, bytes.data(), bytes.size(), SQLITE_STATIC));
  }
  /// Runs a statement without rows and makes it ready for the next use.
  Status run(std::string_view operation) {
    const int code = sqlite3_step(raw_.get());
    Status status = code == SQLITE_DONE ? ok_status() : failure(database_, operation);
    reset();
    return status;
  }
  /// Ready for the next use, whatever rows are left.
  void reset() {
    sqlite3_reset(raw_.get());
    sqlite3_clear_bindings(raw_.get());
    bound_ = 0;
  }
  /// True while there is a row.
  Result<bool> next(std::string_view operation) {
    const int code = sqlite3_step(raw_.get());
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    return failure(database_, operation);
  }
  std::int64_t integer(int column) const { return sqlite3_column_int64(raw_.get(), column); }
  std::string_view bytes(int column) const {
    const auto* data = static_cast<const char*>(sqlite3_column_blob(raw_.get(), column));
    return {data, static_cast<std::size_t>(sqlite3_column_bytes(raw_.get(), column))};
  }

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  Statement(sqlite3* database, sqlite3_stmt* raw) : database_(database), raw_(raw) {}
  Statement& check(int code) {
    TA_CHECK(code == SQLITE_OK, sqlite3_errmsg(database_));
    return *this;
  }

  sqlite3* database_;
  std::unique_ptr<sqlite3_stmt, Finalize> raw_;
  int bound_ = 0;
};

/// `flags` of sqlite3_open_v2; the message names the file.
Result<Database> open_file(const Path& path, int flags);
/// Write-ahead log on a local disk: one flush a batch, and people may read meanwhile. It needs shared
/// memory, which network file systems lack: there the rollback journal, flushed with its folder.
Status configure(sqlite3* database, const Path& folder);

/// kDataLoss when the structure of some page is damaged, or when a table lacks what `selects` ask for:
/// it reads the whole file.
Status check_pages(sqlite3* database, std::span<const char* const> selects);
/// Runs statements without rows.
Status execute(sqlite3* database, const std::string& sql);
/// First column of the first row; 0 when there is none.
Result<std::int64_t> query_integer(sqlite3* database, const char* sql);

/// All that `body` does, or nothing when it fails.
template <class Body>
Status in_transaction(sqlite3* database, Body body) {
  TA_RETURN_IF_ERROR(execute(database, "BEGIN IMMEDIATE"));
  Status status = body();
  if (status.ok()) status = execute(database, "COMMIT");
  // SQLite rolls back by itself on some errors; a second rollback is then refused, and rightly.
  if (status.ok() || sqlite3_get_autocommit(database) != 0) return status;
  const Status undone = execute(database, "ROLLBACK");
  if (undone.ok()) return status;
  return internal_error(format("{}; then {}", status.message(), undone.message()));
}

}  // namespace tagalign::store
