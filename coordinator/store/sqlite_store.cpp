/// The only file that includes SQLite. Tables and settings: format.md.
#include <sqlite3.h>

#include <nlohmann/json.hpp>

#include "base/format.h"
#include "coordinator/protocol/settings.h"
#include "coordinator/protocol/settings_json.h"
#include "coordinator/store/event_codec.h"
#include "coordinator/store/state_folder.h"
#include "coordinator/store/store.h"

namespace tagalign::store {
namespace {

constexpr int kSchemaVersion = 1;
constexpr std::uint32_t kApplicationId = 0x5441474C;  // "TAGL"
constexpr int kBusyMs = 10'000;  // a person's sqlite3 may hold the file for a moment

constexpr const char* kSchema = R"sql(
CREATE TABLE events (
  sequence INTEGER PRIMARY KEY,
  at_ms INTEGER NOT NULL,
  kind TEXT NOT NULL,
  format INTEGER NOT NULL,
  checksum INTEGER NOT NULL,
  payload BLOB NOT NULL
) STRICT;
CREATE TABLE results (
  key TEXT PRIMARY KEY,
  job INTEGER NOT NULL,
  method TEXT NOT NULL,
  step INTEGER NOT NULL,
  dataset TEXT NOT NULL,
  protocol TEXT NOT NULL,
  json TEXT NOT NULL
) STRICT;
)sql";

struct CloseDatabase {
  void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
};
using Database = std::unique_ptr<sqlite3, CloseDatabase>;

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
    sqlite3_reset(raw_.get());
    sqlite3_clear_bindings(raw_.get());
    bound_ = 0;
    return status;
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

std::string result_json(const protocol::EvaluationResult& r) {
  const nlohmann::json json = {{"key", r.key},
                               {"method", r.method},
                               {"step", r.step},
                               {"dataset", r.dataset},
                               {"dataset_digest", r.dataset_digest},
                               {"weights_digest", r.weights_digest},
                               {"protocol", r.protocol},
                               {"code_version", r.code_version},
                               {"images", r.images},
                               {"classes", r.classes},
                               {"intersect", r.intersect},
                               {"union", r.union_},
                               {"predicted", r.predicted},
                               {"labelled", r.labelled}};
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

const protocol::ResultReported* result_in(const core::Event& event) {
  const auto* reported = std::get_if<core::AgentReported>(&event.body);
  return reported ? std::get_if<protocol::ResultReported>(&reported->event.event) : nullptr;
}

class SqliteStore final : public Store {
 public:
  SqliteStore(std::unique_ptr<FolderLock> lock, Database database, Statement insert_event,
              Statement insert_result, std::uint64_t count)
      : lock_(std::move(lock)),
        database_(std::move(database)),
        insert_event_(std::move(insert_event)),
        insert_result_(std::move(insert_result)),
        count_(count) {}

  Status append(std::span<const core::Event> events) override {
    if (events.empty()) return ok_status();
    TA_RETURN_IF_ERROR(execute(database_.get(), "BEGIN IMMEDIATE"));
    Status status = insert_all(events);
    if (status.ok()) status = execute(database_.get(), "COMMIT");
    if (status.ok()) {
      count_ += events.size();
      return status;
    }
    // SQLite rolls back by itself on some errors; a second rollback is then refused, and rightly.
    if (sqlite3_get_autocommit(database_.get()) == 0) {
      const Status undone = execute(database_.get(), "ROLLBACK");
      if (!undone.ok())
        return internal_error(format("{}; then {}", status.message(), undone.message()));
    }
    return status;
  }

  Status replay(const Visitor& visit) override {
    TA_ASSIGN_OR_RETURN(Statement query,
                        Statement::prepare(database_.get(),
                                           "SELECT sequence, format, checksum, payload FROM events "
                                           "ORDER BY sequence"));
    std::uint64_t expected = 1;
    for (;; ++expected) {
      TA_ASSIGN_OR_RETURN(const bool found, query.next("read events"));
      if (!found) break;
      TA_ASSIGN_OR_RETURN(const core::Event event, read_row(query, expected));
      visit(expected, event);
    }
    if (expected - 1 == count_) return ok_status();
    return data_loss(format("table events of coordinator.sqlite: expected {} rows, found {}",
                            count_, expected - 1));
  }

  std::uint64_t event_count() const override { return count_; }

 private:
  Status insert_all(std::span<const core::Event> events) {
    std::uint64_t sequence = count_;
    for (const core::Event& event : events) {
      const std::string bytes = encode_event(event);
      insert_event_.bind(static_cast<std::int64_t>(++sequence))
          .bind(event.at_ms)
          .bind(event_kind(event))
          .bind(std::int64_t{kEventFormat})
          .bind(static_cast<std::int64_t>(event_checksum(kEventFormat, bytes)))
          .bind_blob(bytes);
      TA_RETURN_IF_ERROR(insert_event_.run("append an event to coordinator.sqlite"));
      if (const auto* reported = result_in(event)) TA_RETURN_IF_ERROR(insert_result(*reported));
    }
    return ok_status();
  }

  Status insert_result(const protocol::ResultReported& reported) {
    const protocol::EvaluationResult& r = reported.result;
    const std::string json = result_json(r);
    insert_result_.bind(r.key)
        .bind(static_cast<std::int64_t>(reported.job.value))
        .bind(r.method)
        .bind(static_cast<std::int64_t>(r.step))
        .bind(r.dataset)
        .bind(protocol::shown(r.protocol))
        .bind(json);
    return insert_result_.run("append a result to coordinator.sqlite");
  }

  static Result<core::Event> read_row(const Statement& row, std::uint64_t expected) {
    const auto sequence = static_cast<std::uint64_t>(row.integer(0));
    const auto version = static_cast<std::uint32_t>(row.integer(1));
    const std::string where = format("row {} of table events in coordinator.sqlite", sequence);
    if (sequence != expected) {
      return data_loss(
          format("{}: expected row {}; rows are missing, restore the state folder from a copy",
                 where, expected));
    }
    if (event_checksum(version, row.bytes(3)) != static_cast<std::uint64_t>(row.integer(2))) {
      return data_loss(format(
          "{}: the payload does not match its checksum; restore the state folder from a copy",
          where));
    }
    auto event = decode_event(version, row.bytes(3));
    if (!event.ok()) return event.status().with_context(where);
    return event;
  }

  std::unique_ptr<FolderLock> lock_;  // before the database: released after it
  Database database_;
  Statement insert_event_;
  Statement insert_result_;
  std::uint64_t count_;
};

/// Write-ahead log on a local disk: one flush a batch, and people may read meanwhile. It needs
/// shared memory, which network file systems lack: there the rollback journal, flushed with its
/// folder.
Status configure(sqlite3* database, const Path& folder, const StoreOptions& options) {
  sqlite3_busy_timeout(database, kBusyMs);
  const bool remote = network_file_system(folder) != nullptr;
  TA_RETURN_IF_ERROR(
      execute(database, remote ? "PRAGMA journal_mode=DELETE" : "PRAGMA journal_mode=WAL"));
  TA_RETURN_IF_ERROR(
      execute(database, remote ? "PRAGMA synchronous=EXTRA" : "PRAGMA synchronous=FULL"));
  if (options.bytes_max) {
    TA_ASSIGN_OR_RETURN(const std::int64_t page_bytes, query_integer(database, "PRAGMA page_size"));
    const auto pages = static_cast<std::int64_t>(*options.bytes_max) / page_bytes;
    TA_RETURN_IF_ERROR(execute(database, format("PRAGMA max_page_count={}", pages)));
  }
  return ok_status();
}

Status ensure_schema(sqlite3* database) {
  TA_ASSIGN_OR_RETURN(const std::int64_t version, query_integer(database, "PRAGMA user_version"));
  if (version == kSchemaVersion) return ok_status();
  if (version > kSchemaVersion) {
    return unsupported(
        format("schema version {} is newer than {}, which this program knows; use the program that "
               "wrote it",
               version, kSchemaVersion));
  }
  TA_ASSIGN_OR_RETURN(const std::int64_t tables,
                      query_integer(database, "SELECT count(*) FROM sqlite_master"));
  if (tables != 0)
    return data_loss("holds tables but no schema version: not a database of this program");
  return execute(
      database,
      format("BEGIN IMMEDIATE; {} PRAGMA application_id={}; PRAGMA user_version={}; COMMIT",
             kSchema, kApplicationId, kSchemaVersion));
}

Result<std::unique_ptr<Store>> open_database(std::unique_ptr<FolderLock> lock, const Path& folder,
                                             const StoreOptions& options) {
  const Path path = folder / "coordinator.sqlite";
  sqlite3* raw = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
  Database database(raw);
  if (code != SQLITE_OK) return failure(raw, "open");
  TA_RETURN_IF_ERROR(configure(raw, folder, options));
  TA_RETURN_IF_ERROR(ensure_schema(raw));
  TA_ASSIGN_OR_RETURN(Statement insert_event,
                      Statement::prepare(raw, "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)"));
  TA_ASSIGN_OR_RETURN(
      Statement insert_result,
      Statement::prepare(raw, "INSERT OR IGNORE INTO results VALUES (?, ?, ?, ?, ?, ?, ?)"));
  TA_ASSIGN_OR_RETURN(const std::int64_t count,
                      query_integer(raw, "SELECT coalesce(max(sequence), 0) FROM events"));
  return std::unique_ptr<Store>(new SqliteStore(std::move(lock), std::move(database),
                                                std::move(insert_event), std::move(insert_result),
                                                static_cast<std::uint64_t>(count)));
}

}  // namespace

Result<std::unique_ptr<Store>> open_store(const Path& folder, const StoreOptions& options) {
  TA_ASSIGN_OR_RETURN(auto lock, FolderLock::acquire(folder));
  auto opened = open_database(std::move(lock), folder, options);
  if (!opened.ok()) return opened.status().with_context((folder / "coordinator.sqlite").string());
  return opened;
}

}  // namespace tagalign::store
