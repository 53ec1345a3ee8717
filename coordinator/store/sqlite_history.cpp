#include <filesystem>

#include "base/format.h"
#include "coordinator/store/fact_codec.h"
#include "coordinator/store/history.h"
#include "coordinator/store/schema.h"
#include "coordinator/store/sqlite_database.h"

namespace tagalign::store {
namespace {

using Visit = std::function<Status(std::uint64_t sequence, const core::Fact& fact)>;

/// Of one database: its facts from `first` on.
Status visit_rows(sqlite3* database, const char* name, HistoryRange& range, const Visit& visit) {
  TA_ASSIGN_OR_RETURN(Statement rows,
                      Statement::prepare(database,
                                         "SELECT sequence, format, checksum, payload FROM facts "
                                         "WHERE sequence > ? ORDER BY sequence"));
  rows.bind(static_cast<std::int64_t>(range.last));
  while (true) {
    TA_ASSIGN_OR_RETURN(const bool found, rows.next(format("read facts of {}", name)));
    if (!found) return ok_status();
    const auto sequence = static_cast<std::uint64_t>(rows.integer(0));
    if (range.first != 0) range.missing += sequence - range.last - 1;
    auto fact = read_stored_fact({static_cast<std::uint32_t>(rows.integer(1)),
                                  static_cast<std::uint64_t>(rows.integer(2)), rows.bytes(3)});
    if (!fact.ok()) return fact.status().with_context(format("fact {} in {}", sequence, name));
    if (range.first == 0) range.first = sequence;
    range.last = sequence;
    TA_RETURN_IF_ERROR(visit(sequence, *fact));
  }
}

}  // namespace

Result<HistoryRange> read_history(const Path& folder, const Visit& visit) {
  const Path path = folder / kDatabaseName;
  std::error_code error;
  if (!std::filesystem::exists(path, error)) {
    return not_found(
        format("read the facts of {}: there is no {}; name the coordinator's folder "
               "with --state",
               folder.string(), kDatabaseName));
  }
  TA_ASSIGN_OR_RETURN(const Database live, open_file(path, SQLITE_OPEN_READONLY));
  // What moves into the archive from now on is still seen here.
  TA_RETURN_IF_ERROR(execute(live.get(), "BEGIN; SELECT count(*) FROM sqlite_master"));
  HistoryRange range;
  if (std::filesystem::exists(folder / kArchiveName, error)) {
    TA_ASSIGN_OR_RETURN(const Database archive,
                        open_file(folder / kArchiveName, SQLITE_OPEN_READONLY));
    TA_RETURN_IF_ERROR(visit_rows(archive.get(), kArchiveName, range, visit));
  }
  TA_RETURN_IF_ERROR(visit_rows(live.get(), kDatabaseName, range, visit));
  return range;
}

}  // namespace tagalign::store
