/// Tables and settings: format.md.
#include "base/format.h"
#include "base/log.h"
#include "coordinator/store/fact_codec.h"
#include "coordinator/store/journal_scan.h"
#include "coordinator/store/repair.h"
#include "coordinator/store/schema.h"
#include "coordinator/store/sqlite_archive.h"
#include "coordinator/store/sqlite_database.h"
#include "coordinator/store/sqlite_rows.h"
#include "coordinator/store/state_folder.h"
#include "coordinator/store/store.h"

namespace tagalign::store {
namespace {

constexpr std::uint64_t kJournalBytesMax = 8ULL << 30;
constexpr std::int64_t kSnapshotsKept = 2;  // the older stands in for a damaged newer one

class SqliteStore final : public Store {
 public:
  SqliteStore(std::unique_ptr<FolderLock> lock, Database database, std::unique_ptr<Archive> archive,
              Statement insert_fact, Statement insert_result, std::uint64_t count)
      : lock_(std::move(lock)),
        database_(std::move(database)),
        archive_(std::move(archive)),
        insert_fact_(std::move(insert_fact)),
        insert_result_(std::move(insert_result)),
        count_(count) {}

  Status append(std::span<const core::Fact> facts) override {
    if (facts.empty()) return ok_status();
    TA_RETURN_IF_ERROR(in_transaction(database_.get(), [&] { return insert_all(facts); }));
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
    return data_loss(
        format("table facts of coordinator.sqlite: expected rows up to {}, found {}; {}", count_,
               expected - 1, kWayOut));
  }

  Status save_snapshot(const core::State& state) override {
    const std::string bytes = encode_snapshot(state);
    TA_ASSIGN_OR_RETURN(const std::int64_t unneeded, facts_unneeded());
    TA_ASSIGN_OR_RETURN(const std::vector<std::string> keys, results_without(state));
    TA_RETURN_IF_ERROR(archive_->take_facts(database_.get(), static_cast<std::uint64_t>(unneeded)));
    TA_RETURN_IF_ERROR(archive_->take_results(database_.get(), keys));
    return in_transaction(database_.get(), [&]() -> Status {
      TA_RETURN_IF_ERROR(insert_snapshot(database_.get(), count_, bytes));
      TA_RETURN_IF_ERROR(delete_results(keys));
      return execute(database_.get(), format("DELETE FROM facts WHERE sequence <= {}; "
                                             "DELETE FROM snapshots WHERE sequence < {}",
                                             unneeded, unneeded));
    });
  }

  Result<std::optional<wire::EvaluationResult>> result(const std::string& key) override {
    TA_ASSIGN_OR_RETURN(std::optional<std::string> json, read_result(database_.get(), key));
    if (!json) {
      TA_ASSIGN_OR_RETURN(json, archive_->result(key));
    }
    return json ? parse_result_row(*json) : std::nullopt;
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
        TA_RETURN_IF_ERROR(insert_result(insert_result_, known->job, known->result));
      }
    }
    return ok_status();
  }

  /// The newest fact that none of the snapshots kept needs, once another is written; 0: none.
  Result<std::int64_t> facts_unneeded() {
    return query_integer(
        database_.get(),
        format("SELECT coalesce(min(sequence), 0) FROM (SELECT DISTINCT sequence FROM snapshots "
               "WHERE sequence < {} ORDER BY sequence DESC LIMIT {}) HAVING count(*) = {}",
               count_, kSnapshotsKept - 1, kSnapshotsKept - 1)
            .c_str());
  }

  /// Keys of the rows whose result is archived in `state`.
  Result<std::vector<std::string>> results_without(const core::State& state) {
    TA_ASSIGN_OR_RETURN(Statement query,
                        Statement::prepare(database_.get(), "SELECT key FROM results"));
    std::vector<std::string> keys;
    while (true) {
      TA_ASSIGN_OR_RETURN(const bool found, query.next("list results"));
      if (!found) return keys;
      std::string key(query.bytes(0));
      if (state.archive.results.contains(key)) keys.push_back(std::move(key));
    }
  }

  Status delete_results(const std::vector<std::string>& keys) {
    TA_ASSIGN_OR_RETURN(Statement remove,
                        Statement::prepare(database_.get(), "DELETE FROM results WHERE key = ?"));
    for (const std::string& key : keys) {
      remove.bind(key);
      TA_RETURN_IF_ERROR(remove.run("delete an archived result"));
    }
    return ok_status();
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
          format("{}: expected row {}; rows are missing; {}", where, expected, kWayOut));
    }
    auto fact =
        read_stored_fact({version, static_cast<std::uint64_t>(row.integer(2)), row.bytes(3)});
    if (!fact.ok()) return fact.status().with_context(where);
    return fact;
  }

  std::unique_ptr<FolderLock> lock_;  // before the database: released after it
  Database database_;
  std::unique_ptr<Archive> archive_;
  Statement insert_fact_;
  Statement insert_result_;
  std::uint64_t count_;
};

Status limit_bytes(sqlite3* database, std::uint64_t bytes_max) {
  TA_ASSIGN_OR_RETURN(const std::int64_t page_bytes, query_integer(database, "PRAGMA page_size"));
  return execute(database, format("PRAGMA max_page_count={}",
                                  static_cast<std::int64_t>(bytes_max) / page_bytes));
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
    return data_loss(
        format("holds tables but no schema version: not a database of this program; {}", kWayOut));
  return execute(database, format("BEGIN IMMEDIATE; {} COMMIT", live_schema()));
}

/// SQLite makes a missing or empty file a new database, and takes a damaged journal for one that ends
/// early: then acknowledged jobs would be forgotten without a word.
Status check_files(const Path& folder) {
  FileSystem& files = posix_file_system();
  const Path path = folder / kDatabaseName;
  const auto bytes = files.file_size(path);
  if (files.exists(folder / kArchiveName) && (!bytes.ok() || *bytes == 0))
    return data_loss(
        format("it is empty or missing, and {} is there; {}. To start anew, move {} away",
               kArchiveName, kWayOut, kArchiveName));
  const Path journal = path.string() + "-wal";
  if (!files.exists(journal)) return ok_status();
  TA_ASSIGN_OR_RETURN(const std::string wal, files.read_file(journal, kJournalBytesMax));
  if (!journal_is_damaged(wal)) return ok_status();
  return data_loss(format("its journal is damaged inside, so that commits are lost; {}", kWayOut));
}

Result<std::unique_ptr<Store>> open_database(std::unique_ptr<FolderLock> lock, const Path& folder,
                                             const StoreOptions& options) {
  TA_RETURN_IF_ERROR(finish_repair(folder));
  TA_RETURN_IF_ERROR(check_files(folder));
  TA_ASSIGN_OR_RETURN(Database database, open_file(folder / kDatabaseName,
                                                   SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE));
  sqlite3* raw = database.get();
  TA_RETURN_IF_ERROR(configure(raw, folder));
  if (options.bytes_max) TA_RETURN_IF_ERROR(limit_bytes(raw, *options.bytes_max));
  TA_RETURN_IF_ERROR(ensure_schema(raw));
  TA_RETURN_IF_ERROR(check_pages(raw, kLiveSelects));
  TA_ASSIGN_OR_RETURN(auto archive, Archive::open(folder, options.archive_bytes_max));
  TA_ASSIGN_OR_RETURN(Statement insert_fact, Statement::prepare(raw, kInsertFact));
  TA_ASSIGN_OR_RETURN(Statement insert_result, Statement::prepare(raw, kInsertResult));
  TA_ASSIGN_OR_RETURN(const std::int64_t count,
                      query_integer(raw,
                                    "SELECT max(coalesce((SELECT max(sequence) FROM facts), 0), "
                                    "coalesce((SELECT max(sequence) FROM snapshots), 0))"));
  return std::unique_ptr<Store>(new SqliteStore(
      std::move(lock), std::move(database), std::move(archive), std::move(insert_fact),
      std::move(insert_result), static_cast<std::uint64_t>(count)));
}

}  // namespace

Result<std::unique_ptr<Store>> open_store(const Path& folder, const StoreOptions& options) {
  TA_ASSIGN_OR_RETURN(auto lock, FolderLock::acquire(folder));
  auto opened = open_database(std::move(lock), folder, options);
  if (!opened.ok()) return opened.status().with_context((folder / "coordinator.sqlite").string());
  return opened;
}

}  // namespace tagalign::store
