/// What left the live database and stays readable: facts that no snapshot needs any more, and the
/// results of archived workflows. A database of its own, STATE/archive.sqlite (format.md).
///
/// Order    what leaves is first durable here, then deleted there: after a crash it may be in both,
///          never in none. Taking it again changes nothing.
/// Bound    the oldest facts go once the file's pages in use exceed a limit; results stay.
/// Threads  one.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/status.h"
#include "coordinator/store/sqlite_database.h"

namespace tagalign::store {

class Archive {
 public:
  /// Opens or creates it. kDataLoss for what is no archive, kUnsupported for one of a newer program.
  static Result<std::unique_ptr<Archive>> open(const Path& folder, std::uint64_t bytes_max);

  /// The rows of table `facts` of `live` up to number `last`.
  Status take_facts(sqlite3* live, std::uint64_t last);
  /// The rows of table `results` of `live` with these keys.
  Status take_results(sqlite3* live, const std::vector<std::string>& keys);
  /// Column `json` of a result; nullopt when it is not here.
  Result<std::optional<std::string>> result(const std::string& key);

 private:
  Archive(Database database, std::uint64_t bytes_max)
      : database_(std::move(database)), bytes_max_(bytes_max) {}
  Status trim();

  Database database_;
  std::uint64_t bytes_max_;
};

}  // namespace tagalign::store
