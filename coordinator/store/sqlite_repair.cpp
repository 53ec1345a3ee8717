#include <algorithm>
#include <filesystem>

#include "base/counted.h"
#include "base/format.h"
#include "coordinator/core/archive.h"
#include "coordinator/store/fact_codec.h"
#include "coordinator/store/history.h"
#include "coordinator/store/journal_scan.h"
#include "coordinator/store/page_scan.h"
#include "coordinator/store/repair.h"
#include "coordinator/store/salvage.h"
#include "coordinator/store/schema.h"
#include "coordinator/store/sqlite_rows.h"
#include "coordinator/store/state_folder.h"
#include "coordinator/store/store.h"

namespace tagalign::store {
namespace {

constexpr std::uint64_t kFileBytesMax = 8ULL << 30;
constexpr std::size_t kDropsListed = 20;
constexpr const char* kDatabases[] = {kDatabaseName, kArchiveName};
constexpr const char* kJournals[] = {"", "-wal", "-journal"};
constexpr const char* kComplete = ".repaired";  // the next step is to become the store
constexpr const char* kIncomplete = ".repairing";

/// What was read out of one folder.
struct Remains {
  Salvage salvage;
  std::map<std::string, ScannedRow> results;  ///< by key, unchecked
  bool archive_whole = false;
  std::uint64_t archived = 0;  ///< newest fact of a whole archive
};

bool is_there(const Path& path) {
  std::error_code absent;
  return std::filesystem::exists(path, absent);
}

/// Files with their journals; `give` links or copies one.
template <class Give>
Status give_files(const Path& from, const Path& to, Give give) {
  std::error_code error;
  std::filesystem::create_directories(to, error);
  for (const std::string name : kDatabases) {
    for (const char* journal : kJournals) {
      const Path file = from / (name + journal);
      if (!error && is_there(file)) give(file, to / (name + journal), error);
    }
  }
  if (!error) return posix_file_system().sync_directory(to);
  return errno_status(error.value(),
                      format("keep the files of {} in {}", from.string(), to.string()));
}

// ---------------------------------------------------------------- reading

std::int64_t integer(const ScannedValue& value) {
  const auto* number = std::get_if<std::int64_t>(&value);
  return number ? *number : 0;
}
std::string bytes(const ScannedValue& value) {
  const auto* text = std::get_if<std::string>(&value);
  return text ? *text : std::string();
}

/// The tables differ in the number of columns, and in whether the first is the row's number.
void take_row(const ScannedRow& row, Remains& remains) {
  const std::vector<ScannedValue>& c = row.columns;
  if (c.size() == 7 && !bytes(c[0]).empty()) {
    remains.results.try_emplace(bytes(c[0]), row);
  } else if (c.size() == 6 && std::holds_alternative<std::monostate>(c[0])) {
    remains.salvage.add_fact(
        static_cast<std::uint64_t>(row.rowid),
        {integer(c[1]), bytes(c[2]), integer(c[3]), integer(c[4]), bytes(c[5])});
  } else if (c.size() == 6) {
    remains.salvage.add_snapshot_part(static_cast<std::uint64_t>(integer(c[0])), integer(c[1]),
                                      {integer(c[2]), integer(c[3]), integer(c[4]), bytes(c[5])});
  }
}

/// SQLite merges the journal as far as it is whole; where it cannot open the file, it stays apart.
void merge_journal(const Path& file) {
  const auto database = open_file(file, SQLITE_OPEN_READWRITE);
  if (database.ok()) (void)execute(database->get(), "PRAGMA wal_checkpoint(TRUNCATE)");
}

Status scan_file(const Path& file, Remains& remains) {
  FileSystem& files = posix_file_system();
  if (!is_there(file)) return ok_status();
  const auto visit = [&](const ScannedRow& row) { take_row(row, remains); };
  TA_ASSIGN_OR_RETURN(std::string bytes, files.read_file(file, kFileBytesMax));
  if (const auto journal = files.read_file(file.string() + "-wal", kFileBytesMax); journal.ok()) {
    lay_journal_over(bytes, *journal);
    scan_rows(bytes, visit);
    merge_journal(file);
    TA_ASSIGN_OR_RETURN(bytes, files.read_file(file, kFileBytesMax));
  }
  scan_rows(bytes, visit);
  return ok_status();
}

/// Its pages, and every fact in it.
Status check_archive(sqlite3* archive) {
  TA_RETURN_IF_ERROR(check_pages(archive, kArchiveSelects));
  TA_ASSIGN_OR_RETURN(Statement rows,
                      Statement::prepare(archive, "SELECT format, checksum, payload FROM facts"));
  while (true) {
    TA_ASSIGN_OR_RETURN(const bool found, rows.next("read archived facts"));
    if (!found) return ok_status();
    TA_RETURN_IF_ERROR(
        read_stored_fact({static_cast<std::uint32_t>(rows.integer(0)),
                          static_cast<std::uint64_t>(rows.integer(1)), rows.bytes(2)})
            .status());
  }
}

/// `work` holds copies.
Result<Remains> read_remains(const Path& work) {
  Remains remains;
  for (const char* name : kDatabases) TA_RETURN_IF_ERROR(scan_file(work / name, remains));
  const auto archive = open_file(work / kArchiveName, SQLITE_OPEN_READONLY);
  if (!archive.ok() || !check_archive(archive->get()).ok()) return remains;
  const auto newest = query_integer(archive->get(), "SELECT max(sequence) FROM facts");
  remains.archive_whole = newest.ok();
  if (newest.ok()) remains.archived = static_cast<std::uint64_t>(*newest);
  return remains;
}

/// Opens as a coordinator would, and reads all that it ever may.
Status check_whole(const Path& work) {
  TA_ASSIGN_OR_RETURN(const auto store, open_store(work));
  TA_RETURN_IF_ERROR(load_state(*store).status());
  const auto ignore = [](std::uint64_t, const core::Fact&) { return ok_status(); };
  TA_RETURN_IF_ERROR(read_history(work, ignore).status());
  TA_ASSIGN_OR_RETURN(const Database archive, open_file(work / kArchiveName, SQLITE_OPEN_READONLY));
  return check_archive(archive.get());
}

// ---------------------------------------------------------------- writing

Status insert_facts(sqlite3* database, const Salvage& salvage, std::uint64_t first,
                    std::uint64_t last) {
  TA_ASSIGN_OR_RETURN(Statement insert, Statement::prepare(database, kInsertFact));
  for (auto row = salvage.facts.lower_bound(first); row != salvage.facts.end(); ++row) {
    const auto& [sequence, fact] = *row;
    if (sequence > last) break;
    insert.bind(static_cast<std::int64_t>(sequence)).bind(fact.at_ms).bind(fact.kind);
    insert.bind(fact.format).bind(fact.checksum).bind_blob(fact.payload);
    TA_RETURN_IF_ERROR(insert.run("write a fact that was kept"));
  }
  return ok_status();
}

/// Archived results that say what the state knows of them; returns how many.
Result<std::size_t> insert_archived(sqlite3* database, const Remains& remains,
                                    const core::State& state) {
  TA_ASSIGN_OR_RETURN(Statement insert, Statement::prepare(database, kInsertResult));
  std::size_t kept = 0;
  for (const auto& [key, known] : state.archive.results) {
    const auto found = remains.results.find(key);
    if (found == remains.results.end()) continue;
    const auto result = parse_result_row(bytes(found->second.columns[6]));
    if (!result || core::counts_digest(*result) != known.counts) continue;
    TA_RETURN_IF_ERROR(insert_result(insert, known.job, *result));
    ++kept;
  }
  return kept;
}

Status insert_live(sqlite3* database, const core::State& state) {
  TA_ASSIGN_OR_RETURN(Statement insert, Statement::prepare(database, kInsertResult));
  for (const auto& [key, entry] : state.results)
    TA_RETURN_IF_ERROR(insert_result(insert, entry.job, entry.result));
  return ok_status();
}

/// Writes a database under another name and, when all of it is on the disk, under the one from which
/// it becomes the store.
template <class Fill>
Status write_database(const Path& path, const std::string& schema, Fill fill) {
  FileSystem& files = posix_file_system();
  const Path incomplete = path.string() + kIncomplete;
  TA_RETURN_IF_ERROR(files.remove_all(incomplete));
  {
    TA_ASSIGN_OR_RETURN(const Database database,
                        open_file(incomplete, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE));
    TA_RETURN_IF_ERROR(
        execute(database.get(), "PRAGMA journal_mode=DELETE; PRAGMA synchronous=EXTRA"));
    const auto write = [&]() -> Status {
      TA_RETURN_IF_ERROR(execute(database.get(), schema));
      return fill(database.get());
    };
    const Status written = in_transaction(database.get(), write);
    if (!written.ok()) return written;
  }
  return files.rename_durable(incomplete, path.string() + kComplete);
}

// ---------------------------------------------------------------- saying it

std::string describe(std::uint64_t sequence, const FactRow& row) {
  return format("dropped: fact {}, {} of {}", sequence, row.kind, format_utc(row.at_ms));
}

std::vector<std::string> report(const Remains& remains, const SalvagedHistory& kept,
                                const Path& damaged) {
  std::vector<std::string> lines;
  const std::string base =
      kept.snapshot == 0 ? "fact 1" : format("the snapshot after fact {}", kept.snapshot);
  lines.push_back(format("kept: the history from {} to fact {} ({}): {} in {}", base, kept.last,
                         format_utc(kept.state.now_ms),
                         counted(kept.state.jobs.size(), "job", "jobs"),
                         counted(kept.state.workflows.size(), "workflow", "workflows")));
  const auto first = remains.salvage.facts.upper_bound(kept.last);
  std::size_t dropped = 0;
  for (auto row = first; row != remains.salvage.facts.end(); ++row) {
    if (dropped == 0 && row->first > kept.last + 1) {
      lines.push_back(
          format("dropped: facts {} to {}, which do not verify", kept.last + 1, row->first - 1));
    }
    if (++dropped <= kDropsListed) lines.push_back(describe(row->first, row->second));
  }
  if (dropped > kDropsListed)
    lines.push_back(format("dropped: {} more that verify, but follow one that does not",
                           dropped - kDropsListed));
  if (dropped == 0)
    lines.push_back(format("dropped: whatever came after fact {}, if anything did", kept.last));
  lines.push_back(format("the damaged files are kept in {}", damaged.string()));
  return lines;
}

/// With a whole archive only what is in neither: results that were archived and not yet moved, and
/// the facts behind its own.
Status write_live(const Path& folder, const Remains& remains, const SalvagedHistory& kept) {
  const std::uint64_t first = remains.archive_whole ? remains.archived + 1 : kept.last + 1;
  return write_database(folder / kDatabaseName, live_schema(), [&](sqlite3* live) -> Status {
    TA_RETURN_IF_ERROR(insert_facts(live, remains.salvage, first, kept.last));
    TA_RETURN_IF_ERROR(insert_snapshot(live, kept.last, encode_snapshot(kept.state)));
    if (remains.archive_whole)
      TA_RETURN_IF_ERROR(insert_archived(live, remains, kept.state).status());
    return insert_live(live, kept.state);
  });
}

Result<RepairReport> rebuild(const Path& folder, const Remains& remains,
                             const SalvagedHistory& kept, const Path& damaged) {
  RepairReport done{true, report(remains, kept, damaged)};
  if (!remains.archive_whole) {
    const auto fill = [&](sqlite3* archive) -> Status {
      TA_ASSIGN_OR_RETURN(const std::size_t results, insert_archived(archive, remains, kept.state));
      done.lines.push_back(format("archive: kept {} of {}", results,
                                  counted(kept.state.archive.results.size(), "result", "results")));
      return insert_facts(archive, remains.salvage, 1, kept.last);
    };
    TA_RETURN_IF_ERROR(write_database(folder / kArchiveName, archive_schema(), fill));
  }
  TA_RETURN_IF_ERROR(write_live(folder, remains, kept));
  TA_RETURN_IF_ERROR(finish_repair(folder));
  return done;
}

Result<RepairReport> repair_copies(const Path& folder, const Path& work, UnixMs now_ms) {
  const auto copy = [](const Path& from, const Path& to, std::error_code& error) {
    std::filesystem::copy_file(from, to, error);
  };
  TA_RETURN_IF_ERROR(give_files(folder, work / "check", copy));
  const Status whole = check_whole(work / "check");
  if (whole.ok()) return RepairReport{false, {"nothing to repair: all of it verifies"}};
  if (whole.code() != ErrorCode::kDataLoss) return whole;
  TA_RETURN_IF_ERROR(give_files(folder, work / "read", copy));
  TA_ASSIGN_OR_RETURN(const Remains remains, read_remains(work / "read"));
  const auto kept = choose_history(remains.salvage);
  if (!kept) {
    return data_loss(
        format("repair {}: no history verifies; it is left as it is. Restore a copy, or "
               "move {} and {} away and start anew",
               folder.string(), kDatabaseName, kArchiveName));
  }
  const Path damaged = folder / format("damaged-{}", now_ms);
  TA_RETURN_IF_ERROR(
      give_files(folder, damaged, [](const Path& from, const Path& to, std::error_code& error) {
        std::filesystem::create_hard_link(from, to, error);
      }));
  TA_ASSIGN_OR_RETURN(RepairReport done, rebuild(folder, remains, *kept, damaged));
  done.lines.insert(done.lines.begin(), format("found: {}", whole.message()));
  return done;
}

}  // namespace

Status finish_repair(const Path& folder) {
  FileSystem& files = posix_file_system();
  for (const std::string name : kDatabases) {
    const Path complete = folder / (name + kComplete);
    if (!is_there(complete)) continue;
    for (const char* journal : {"-wal", "-shm", "-journal"})
      TA_RETURN_IF_ERROR(files.remove_all(folder / (name + journal)));
    TA_RETURN_IF_ERROR(files.rename_durable(complete, folder / name));
  }
  return ok_status();
}

Result<RepairReport> repair_store(const Path& folder, UnixMs now_ms) {
  if (!is_there(folder / kDatabaseName) && !is_there(folder / kArchiveName)) {
    return not_found(
        format("repair {}: it holds no coordinator's store; name the folder with --state",
               folder.string()));
  }
  TA_ASSIGN_OR_RETURN(const auto lock, FolderLock::acquire(folder));
  TA_RETURN_IF_ERROR(finish_repair(folder));
  const Path work = folder / "repair-work";
  TA_RETURN_IF_ERROR(posix_file_system().remove_all(work));
  auto done = repair_copies(folder, work, now_ms);
  const Status removed = posix_file_system().remove_all(work);
  if (done.ok() && !removed.ok()) return removed;
  return done;
}

}  // namespace tagalign::store
