/// What commands have to say, written as a table for people, as JSON for programs, or as bare
/// first columns for scripts.
#pragma once

#include <cstdint>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace tagalign::cli {

enum class OutputFormat { kTable, kJson, kQuiet };

/// One value: what JSON holds, and how a table shows it.
struct Value {
  std::variant<std::nullptr_t, bool, std::int64_t, double, std::string, std::vector<std::string>>
      raw;
  std::string shown;
};
Value text(std::string value);
Value number(std::uint64_t value);
/// A number with its own spelling in tables.
Value number(std::uint64_t value, std::string shown);
Value yes_or_no(bool value);
Value texts(std::vector<std::string> values);
/// null in JSON, a dash in tables.
Value nothing();

struct Column {
  std::string key;    ///< in JSON
  std::string title;  ///< in tables
  bool right = false;
};

/// Rows of equal width; the first column names a row.
struct Listing {
  std::vector<Column> columns;
  std::vector<std::vector<Value>> rows;
  std::string if_empty;  ///< said in place of a table without rows
};

/// Named values of one thing; the first names it.
using Record = std::vector<std::pair<std::string, Value>>;

class Writer {
 public:
  virtual ~Writer() = default;
  virtual void listing(const Listing& listing) = 0;
  virtual void record(const Record& record) = 0;
  /// Whole lines of prose or logs; `key` names them in JSON.
  virtual void lines(const std::string& key, const std::vector<std::string>& lines) = 0;
};

/// `out` must outlive the writer. Every call writes one complete table, JSON document (on
/// one line) or block.
std::unique_ptr<Writer> make_writer(OutputFormat format, std::ostream& out);

/// Columns padded to equal width, two spaces between, no trailing blanks; widths
/// count UTF-8 code points. What a terminal would obey is escaped: a row is one line.
std::string align_columns(std::vector<std::vector<std::string>> rows,
                          const std::vector<bool>& right);

}  // namespace tagalign::cli
