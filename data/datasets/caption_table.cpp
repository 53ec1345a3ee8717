#include "data/datasets/caption_table.h"

#include <algorithm>

#include "base/format.h"
#include "base/limits.h"
#include "data/datasets/csv.h"

namespace tagalign::data {
namespace {

constexpr std::size_t kLinesNamed = 10;
constexpr std::size_t kNamesShown = 10;
constexpr std::size_t kNameBytesShown = 60;

/// Lines of one kind: how many, and the first of them.
class Lines {
 public:
  void add(std::size_t line) {
    if (++count_ <= kLinesNamed) first_.push_back(line);
  }
  std::size_t count() const { return count_; }
  std::size_t first() const { return first_.front(); }
  /// "4, 9, 12 and 3 more".
  std::string named() const {
    std::string text;
    for (const std::size_t line : first_) text += (text.empty() ? "" : ", ") + format("{}", line);
    return count_ > first_.size() ? text + format(" and {} more", count_ - first_.size()) : text;
  }

 private:
  std::size_t count_ = 0;
  std::vector<std::size_t> first_;
};

struct Columns {
  std::size_t file = 0;
  std::size_t caption = 1;
  std::size_t count = 2;
};

std::string shown(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kNamesShown); ++i)
    text += (i > 0 ? "," : "") + printable(names[i], kNameBytesShown);
  return format("'{}'{}", text, names.size() > kNamesShown ? " and more" : "");
}

std::string_view trimmed(std::string_view name) {
  name.remove_prefix(std::min(name.find_first_not_of(' '), name.size()));
  return name.substr(0, name.find_last_not_of(' ') + 1);
}

/// CsvReader's messages begin with their line.
Status at_line(const std::string& what, const Status& status) {
  return invalid_argument(format("{}:{}", what, status.message()));
}

Result<Columns> read_header(CsvReader& csv, const std::string& what) {
  const auto row = csv.next();
  if (!row.ok()) return at_line(what, row.status());
  const auto& header = *row;
  const auto refuse = [&](const std::string& found) {
    return invalid_argument(
        format("{}:1: expected the header 'file,caption', found {}; add it", what, found));
  };
  if (!header) return refuse("an empty file");
  const auto place = [&](std::string_view wanted) {
    const auto at = std::ranges::find(*header, wanted, trimmed);
    return static_cast<std::size_t>(at - header->begin());
  };
  const Columns columns{place("file"), place("caption"), header->size()};
  const bool twice = std::ranges::count(*header, "file", trimmed) > 1 ||
                     std::ranges::count(*header, "caption", trimmed) > 1;
  if (std::max(columns.file, columns.caption) >= header->size() || twice)
    return refuse(shown(*header));
  return columns;
}

/// What the rows of a table had in them.
struct Findings {
  Lines uneven;    ///< another number of columns than the header, or no file name
  Lines odd;       ///< CsvReader::is_odd()
  Lines repaired;  ///< captions with bytes that are not UTF-8
  std::string first_uneven;
  std::string first_repaired;  ///< image of the first of them
};

/// One row into the table, or into the findings.
void take_row(std::vector<std::string>& fields, const Columns& columns, const CsvReader& csv,
              CaptionTable& table, Findings& findings) {
  if (fields.size() != columns.count || fields[columns.file].empty()) {
    findings.uneven.add(csv.line());
    if (findings.uneven.count() == 1)
      findings.first_uneven =
          fields.size() == columns.count ? "an empty file name" : format("{}", fields.size());
    return;
  }
  if (csv.is_odd()) findings.odd.add(csv.line());
  std::size_t replaced = 0;
  std::string caption = repair_utf8(fields[columns.caption], replaced);
  if (replaced > 0) findings.repaired.add(csv.line());
  if (replaced > 0 && findings.repaired.count() == 1)
    findings.first_repaired = fields[columns.file];
  table.records.push_back({std::move(fields[columns.file]), std::move(caption), {}});
}

std::string expected_columns(const Columns& columns) {
  return columns.count == 2 ? "two columns, file and caption,"
                            : format("the {} columns of the header,", columns.count);
}

/// Few uneven rows are left out, many mean that the file is not what it should be.
Status judge_uneven(const Findings& findings, const Columns& columns, std::size_t rows,
                    const std::string& what) {
  constexpr std::size_t kOneOf = 100;
  if (findings.uneven.count() * kOneOf <= rows) return {};
  return invalid_argument(
      format("{}:{}: expected {} found {}; quote captions that hold commas ({} of {} rows are "
             "uneven, on lines {})",
             what, findings.uneven.first(), expected_columns(columns), findings.first_uneven,
             findings.uneven.count(), rows, findings.uneven.named()));
}

void say(const Findings& findings, std::size_t rows, const Path& path, CaptionTable& table) {
  const std::string name = path.string();
  if (findings.repaired.count() > 0) {
    table.notices.push_back(
        format("{}: {} of {} captions hold bytes that are not UTF-8, the first is that of {}; each "
               "byte became U+FFFD",
               name, findings.repaired.count(), table.records.size(), findings.first_repaired));
  }
  if (findings.uneven.count() > 0) {
    table.notices.push_back(
        format("{}: {} of {} rows have another number of columns than the header, or no file, and "
               "are left out: lines {}",
               name, findings.uneven.count(), rows, findings.uneven.named()));
  }
  if (findings.odd.count() > 0) {
    table.notices.push_back(
        format("{}: {} of {} rows have text behind a closing quote, or a quote that is never "
               "closed; they are read as Python's csv reads them: lines {}",
               name, findings.odd.count(), rows, findings.odd.named()));
  }
}

}  // namespace

Result<CaptionTable> read_captions(FileSystem& files, const Path& path) {
  const std::string what = format("read captions {}", path.string());
  TA_ASSIGN_OR_RETURN(const std::string text, files.read_file(path, limits::kTableFileBytesMax));
  TA_RETURN_IF_ERROR(check_encoding(text, what));
  CsvReader csv(text);
  TA_ASSIGN_OR_RETURN(const Columns columns, read_header(csv, what));
  CaptionTable table;
  Findings findings;
  std::size_t rows = 0;
  while (true) {
    auto row = csv.next();
    if (!row.ok()) return at_line(what, row.status());
    if (!row->has_value()) break;
    ++rows;
    take_row(**row, columns, csv, table, findings);
  }
  TA_RETURN_IF_ERROR(judge_uneven(findings, columns, rows, what));
  say(findings, rows, path, table);
  return table;
}

}  // namespace tagalign::data
