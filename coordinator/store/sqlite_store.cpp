/// Tables and settings: format.md.
#include <nlohmann/json.hpp>

#include "base/format.h"
#include "base/json_text.h"
#include "base/log.h"
#include "coordinator/store/fact_codec.h"
#include "coordinator/store/sqlite_database.h"
#include "coordinator/store/state_folder.h"
#include "coordinator/store/store.h"
#include "coordinator/wire/json.h"
#include "coordinator/wire/settings.h"

namespace tagalign::store {
namespace {

constexpr int kSchemaVersion = 2;
constexpr std::uint32_t kApplicationId = 0x5441474C;  // "TAGL"
constexpr int kBusyMs = 10'000;  // a person's sqlite3 may hold the file for a moment
constexpr std::size_t kPartBytesMax = 16U << 20;  // of a snapshot, one row each
constexpr std::int64_t kSnapshotsKept = 2;        // the older stands in for a damaged newer one

constexpr const char* kSchema = R"sql(
CREATE TABLE facts (
  sequence INTEGER PRIMARY KEY,
  at_ms INTEGER NOT NULL,
  kind TEXT NOT NULL,
  format INTEGER NOT NULL,
  checksum INTEGER NOT NULL,
  payload BLOB NOT NULL
) STRICT;
CREATE TABLE snapshots (
  sequence INTEGER NOT NULL,
  part INTEGER NOT NULL,
  parts INTEGER NOT NULL,
  format INTEGER NOT NULL,
  checksum INTEGER NOT NULL,
  payload BLOB NOT NULL,
  PRIMARY KEY (sequence, part)
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

std::string result_json(const wire::EvaluationResult& result) {
  return json_text(nlohmann::json(result));
}

class SqliteStore final : public Store {
 public:
  SqliteStore(std::unique_ptr<FolderLock> lock, Database database, Statement insert_fact,
              Statement insert_result, std::uint64_t count)
      : lock_(std::move(lock)),
        database_(std::move(database)),
        insert_fact_(std::move(insert_fact)),
        insert_result_(std::move(insert_result)),
        count_(count) {}

  Status append(std::span<const core::Fact> facts) override {
    if (facts.empty()) return ok_status();
    TA_RETURN_IF_ERROR(in_transaction([&] { return insert_all(facts); }));
    count_ += facts.size();
    return ok_status();
  }

  Status replay(std::uint64_t after, const Visitor& visit) override {
    TA_ASSIGN_OR_RETURN(Statement query,
                        Statement::prepare(database_.get(),
                                           "SELECT sequence, format, checksum, payload FROM facts "
                                           "WHERE sequence > ? ORDER BY sequence"));
    query.bind(static_cast<std::int64_t>(after));
    std::uint64_t expected = after + 1;
    for (;; ++expected) {
      TA_ASSIGN_OR_RETURN(const bool found, query.next("read facts"));
      if (!found) break;
      TA_ASSIGN_OR_RETURN(const core::Fact fact, read_row(query, expected));
      visit(expected, fact);
    }
    if (expected - 1 == count_) return ok_status();
    return data_loss(format("table facts of coordinator.sqlite: expected rows up to {}, found {}",
                            count_, expected - 1));
  }

  Status save_snapshot(const core::State& state) override {
    return in_transaction([&] { return insert_snapshot(encode_snapshot(state)); });
  }

  Result<Snapshot> newest_snapshot() override {
    TA_ASSIGN_OR_RETURN(
        Statement query,
        Statement::prepare(database_.get(),
                           "SELECT DISTINCT sequence FROM snapshots ORDER BY sequence DESC"));
    while (true) {
      TA_ASSIGN_OR_RETURN(const bool found, query.next("list snapshots"));
      if (!found) return Snapshot{};
      auto state = read_snapshot(query.integer(0));
      if (state.ok()) {
        return Snapshot{static_cast<std::uint64_t>(query.integer(0)), std::move(*state)};
      }
      if (state.status().code() != ErrorCode::kDataLoss) return state.status();
      log_warning("{}; an older one is used", state.status().message());
    }
  }

  std::uint64_t fact_count() const override { return count_; }

 private:
  template <class Body>
  Status in_transaction(Body body) {
    TA_RETURN_IF_ERROR(execute(database_.get(), "BEGIN IMMEDIATE"));
    Status status = body();
    if (status.ok()) status = execute(database_.get(), "COMMIT");
    // SQLite rolls back by itself on some errors; a second rollback is then refused, and rightly.
    if (status.ok() || sqlite3_get_autocommit(database_.get()) != 0) return status;
    const Status undone = execute(database_.get(), "ROLLBACK");
    if (undone.ok()) return status;
    return internal_error(format("{}; then {}", status.message(), undone.message()));
  }

  Status insert_all(std::span<const core::Fact> facts) {
    std::uint64_t sequence = count_;
    for (const core::Fact& fact : facts) {
      const std::string bytes = encode_fact(fact);
      insert_fact_.bind(static_cast<std::int64_t>(++sequence))
          .bind(fact.at_ms)
          .bind(core::fact_name(fact))
          .bind(std::int64_t{kFactFormat})
          .bind(static_cast<std::int64_t>(row_checksum(kFactFormat, bytes)))
          .bind_blob(bytes);
      TA_RETURN_IF_ERROR(insert_fact_.run("append a fact to coordinator.sqlite"));
      if (const auto* known = std::get_if<core::ResultKnown>(&fact.body)) {
        TA_RETURN_IF_ERROR(insert_result(*known));
      }
    }
    return ok_status();
  }

  Status insert_result(const core::ResultKnown& known) {
    const wire::EvaluationResult& r = known.result;
    const std::string json = result_json(r);
    const std::string shown = wire::shown(r.protocol);
    insert_result_.bind(r.key)
        .bind(static_cast<std::int64_t>(known.job.value))
        .bind(r.method)
        .bind(static_cast<std::int64_t>(r.step))
        .bind(r.dataset)
        .bind(shown)
        .bind(json);
    return insert_result_.run("append a result to coordinator.sqlite");
  }

  /// The facts that only an older snapshot needed leave with it.
  Status insert_snapshot(const std::string& bytes) {
    TA_ASSIGN_OR_RETURN(
        Statement insert,
        Statement::prepare(database_.get(),
                           "INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?, ?, ?, ?)"));
    const std::size_t parts = (bytes.size() + kPartBytesMax - 1) / kPartBytesMax;
    for (std::size_t part = 0; part < parts; ++part) {
      const std::string_view payload =
          std::string_view(bytes).substr(part * kPartBytesMax, kPartBytesMax);
      insert.bind(static_cast<std::int64_t>(count_))
          .bind(static_cast<std::int64_t>(part))
          .bind(static_cast<std::int64_t>(parts))
          .bind(std::int64_t{kFactFormat})
          .bind(static_cast<std::int64_t>(row_checksum(kFactFormat, payload)))
          .bind_blob(payload);
      TA_RETURN_IF_ERROR(insert.run("write a snapshot to coordinator.sqlite"));
    }
    const std::string oldest = format(
        "(SELECT min(sequence) FROM (SELECT DISTINCT sequence FROM snapshots ORDER BY sequence "
        "DESC LIMIT {}))",
        kSnapshotsKept);
    TA_RETURN_IF_ERROR(
        execute(database_.get(), "DELETE FROM snapshots WHERE sequence < " + oldest));
    TA_ASSIGN_OR_RETURN(
        const std::int64_t kept,
        query_integer(database_.get(), "SELECT count(DISTINCT sequence) FROM snapshots"));
    if (kept < kSnapshotsKept) return ok_status();
    return execute(database_.get(), "DELETE FROM facts WHERE sequence <= " + oldest);
  }

  Result<core::State> read_snapshot(std::int64_t sequence) {
    TA_ASSIGN_OR_RETURN(Statement query,
                        Statement::prepare(database_.get(),
                                           "SELECT part, parts, format, checksum, payload FROM "
                                           "snapshots WHERE sequence = ? ORDER BY part"));
    query.bind(sequence);
    const std::string where = format("snapshot {} in coordinator.sqlite", sequence);
    std::string bytes;
    std::uint32_t version = kFactFormat;
    for (std::int64_t part = 0, parts = 1; part < parts; ++part) {
      TA_ASSIGN_OR_RETURN(const bool found, query.next("read a snapshot"));
      if (!found || query.integer(0) != part) return data_loss(where + ": a part is missing");
      parts = query.integer(1);
      version = static_cast<std::uint32_t>(query.integer(2));
      if (row_checksum(version, query.bytes(4)) != static_cast<std::uint64_t>(query.integer(3))) {
        return data_loss(format("{}: part {} does not match its checksum", where, part));
      }
      bytes += query.bytes(4);
    }
    auto state = decode_snapshot(version, bytes);
    if (!state.ok()) return state.status().with_context(where);
    return state;
  }

  static Result<core::Fact> read_row(const Statement& row, std::uint64_t expected) {
    const auto sequence = static_cast<std::uint64_t>(row.integer(0));
    const auto version = static_cast<std::uint32_t>(row.integer(1));
    const std::string where = format("row {} of table facts in coordinator.sqlite", sequence);
    if (sequence != expected) {
      return data_loss(
          format("{}: expected row {}; rows are missing, restore the state folder from a copy",
                 where, expected));
    }
    if (row_checksum(version, row.bytes(3)) != static_cast<std::uint64_t>(row.integer(2))) {
      return data_loss(format(
          "{}: the payload does not match its checksum; restore the state folder from a copy",
          where));
    }
    auto fact = decode_fact(version, row.bytes(3));
    if (!fact.ok()) return fact.status().with_context(where);
    return fact;
  }

  std::unique_ptr<FolderLock> lock_;  // before the database: released after it
  Database database_;
  Statement insert_fact_;
  Statement insert_result_;
  std::uint64_t count_;
};

/// Write-ahead log on a local disk: one flush a batch, and people may read meanwhile. It
/// needs shared memory, which network file systems lack: there the rollback journal,
/// flushed with its folder.
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
  if (version == 1) {
    return unsupported(
        "schema version 1 is of a preview whose log cannot be read any more; move the state folder "
        "away and start again");
  }
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
  TA_ASSIGN_OR_RETURN(Statement insert_fact,
                      Statement::prepare(raw, "INSERT INTO facts VALUES (?, ?, ?, ?, ?, ?)"));
  TA_ASSIGN_OR_RETURN(
      Statement insert_result,
      Statement::prepare(raw, "INSERT OR IGNORE INTO results VALUES (?, ?, ?, ?, ?, ?, ?)"));
  TA_ASSIGN_OR_RETURN(const std::int64_t count,
                      query_integer(raw,
                                    "SELECT max(coalesce((SELECT max(sequence) FROM facts), 0), "
                                    "coalesce((SELECT max(sequence) FROM snapshots), 0))"));
  return std::unique_ptr<Store>(new SqliteStore(std::move(lock), std::move(database),
                                                std::move(insert_fact), std::move(insert_result),
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
