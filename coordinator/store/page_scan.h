/// Rows of an SQLite file without its B-trees: what a damaged file still holds.
///
/// Every page that looks like a leaf of a table is read by itself (sqlite.org/fileformat2.html), also
/// when nothing leads to it any more; long rows are followed over their overflow pages. Whether a row
/// is what was written must be told by a checksum in it: a page may be damaged inside. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace tagalign::store {

/// NULL, an integer, or the bytes of a text or blob.
using ScannedValue = std::variant<std::monostate, std::int64_t, std::string>;

struct ScannedRow {
  std::int64_t rowid = 0;
  std::vector<ScannedValue> columns;
};

/// `file`: all bytes of a database without journal. Never fails; what cannot be read is left out.
void scan_rows(std::string_view file, const std::function<void(const ScannedRow&)>& visit);

}  // namespace tagalign::store
