#include "coordinator/store/sqlite_archive.h"

#include "base/format.h"
#include "coordinator/store/schema.h"
#include "coordinator/store/sqlite_rows.h"

namespace tagalign::store {
namespace {

/// Of all facts that are kept here, the share that leaves when they are too many.
constexpr std::int64_t kTrimmedPart = 4;

Status ensure_schema(sqlite3* database) {
  TA_ASSIGN_OR_RETURN(const std::int64_t version, query_integer(database, "PRAGMA user_version"));
  if (version == kArchiveVersion) return ok_status();
  if (version > kArchiveVersion) {
    return unsupported(
        format("version {} is newer than {}, which this program knows; use the "
               "program that wrote it",
               version, kArchiveVersion));
  }
  TA_ASSIGN_OR_RETURN(const std::int64_t tables,
                      query_integer(database, "SELECT count(*) FROM sqlite_master"));
  if (tables != 0) return data_loss(format("it is no archive; {}", kWayOut));
  return execute(database, format("BEGIN IMMEDIATE; {} COMMIT", archive_schema()));
}

Status copy_facts(sqlite3* live, sqlite3* archive, std::uint64_t last) {
  TA_ASSIGN_OR_RETURN(const std::int64_t newest,
                      query_integer(archive, "SELECT coalesce(max(sequence), 0) FROM facts"));
  TA_ASSIGN_OR_RETURN(Statement rows,
                      Statement::prepare(live,
                                         "SELECT sequence, at_ms, kind, format, checksum, payload "
                                         "FROM facts WHERE sequence > ? AND sequence <= ?"));
  TA_ASSIGN_OR_RETURN(Statement insert, Statement::prepare(archive, kInsertFact));
  rows.bind(newest).bind(static_cast<std::int64_t>(last));
  while (true) {
    TA_ASSIGN_OR_RETURN(const bool found, rows.next("read facts"));
    if (!found) return ok_status();
    insert.bind(rows.integer(0)).bind(rows.integer(1)).bind(rows.bytes(2));
    insert.bind(rows.integer(3)).bind(rows.integer(4)).bind_blob(rows.bytes(5));
    TA_RETURN_IF_ERROR(insert.run("append a fact to archive.sqlite"));
  }
}

Status copy_result(Statement& row, Statement& insert, const std::string& key) {
  row.bind(key);
  TA_ASSIGN_OR_RETURN(const bool found, row.next("read a result"));
  if (found) {
    insert.bind(row.bytes(0)).bind(row.integer(1)).bind(row.bytes(2)).bind(row.integer(3));
    insert.bind(row.bytes(4)).bind(row.bytes(5)).bind(row.bytes(6));
    TA_RETURN_IF_ERROR(insert.run("append a result to archive.sqlite"));
  }
  row.reset();
  return ok_status();
}

Status copy_results(sqlite3* live, sqlite3* archive, const std::vector<std::string>& keys) {
  TA_ASSIGN_OR_RETURN(Statement row,
                      Statement::prepare(live,
                                         "SELECT key, job, method, step, dataset, protocol, json "
                                         "FROM results WHERE key = ?"));
  TA_ASSIGN_OR_RETURN(Statement insert, Statement::prepare(archive, kInsertResult));
  for (const std::string& key : keys) TA_RETURN_IF_ERROR(copy_result(row, insert, key));
  return ok_status();
}

}  // namespace

Result<std::unique_ptr<Archive>> Archive::open(const Path& folder, std::uint64_t bytes_max) {
  const Path path = folder / kArchiveName;
  TA_ASSIGN_OR_RETURN(Database database,
                      open_file(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE));
  Status ready = configure(database.get(), folder);
  if (ready.ok()) ready = ensure_schema(database.get());
  if (!ready.ok()) return ready.with_context(path.string());
  return std::unique_ptr<Archive>(new Archive(std::move(database), bytes_max));
}

Status Archive::take_facts(sqlite3* live, std::uint64_t last) {
  TA_RETURN_IF_ERROR(
      in_transaction(database_.get(), [&] { return copy_facts(live, database_.get(), last); }));
  return trim();
}

Status Archive::take_results(sqlite3* live, const std::vector<std::string>& keys) {
  if (keys.empty()) return ok_status();
  return in_transaction(database_.get(), [&] { return copy_results(live, database_.get(), keys); });
}

Result<std::optional<std::string>> Archive::result(const std::string& key) {
  return read_result(database_.get(), key);
}

Status Archive::trim() {
  TA_ASSIGN_OR_RETURN(const std::int64_t pages,
                      query_integer(database_.get(), "PRAGMA page_count"));
  TA_ASSIGN_OR_RETURN(const std::int64_t unused,
                      query_integer(database_.get(), "PRAGMA freelist_count"));
  TA_ASSIGN_OR_RETURN(const std::int64_t page_bytes,
                      query_integer(database_.get(), "PRAGMA page_size"));
  if (static_cast<std::uint64_t>((pages - unused) * page_bytes) <= bytes_max_) return ok_status();
  return execute(database_.get(),
                 format("DELETE FROM facts WHERE sequence < (SELECT min(sequence) + (max(sequence) "
                        "- min(sequence) + 1) / {} FROM facts)",
                        kTrimmedPart));
}

}  // namespace tagalign::store
