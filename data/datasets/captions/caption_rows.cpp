#include "data/datasets/captions/caption_rows.h"

#include <algorithm>
#include <vector>

#include "base/format.h"

namespace tagalign::data {
namespace {

constexpr std::string_view kMark = "\xef\xbb\xbf";

std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

/// A TSV's first line holds a tab; a CSV's is its header.
bool looks_like_tsv(std::string_view text) {
  std::string_view line;
  while (line.empty() && !text.empty()) line = take_line(text);
  return line.find('\t') != std::string_view::npos && line.find("file,caption") != 0;
}

Status check_header(CsvReader& csv, const Path& path) {
  auto header = csv.next();
  if (!header.ok())
    return invalid_argument(
        format("read captions {}:{}", path.string(), header.status().message()));
  if (header->has_value() && **header == std::vector<std::string>{"file", "caption"}) return {};
  std::string found = "an empty file";
  if (header->has_value()) {
    found = "'";
    for (const std::string& name : **header)
      found += (found.size() > 1 ? "," : "") + name.substr(0, 60);
    found += "'";
  }
  return invalid_argument(
      format("read captions {}:1: expected the header 'file,caption', found {}; add it (or give "
             "lines of URL, tab, caption)",
             path.string(), found));
}

}  // namespace

Result<CaptionRows> CaptionRows::open(FileSystem& files, const Path& path) {
  CaptionRows rows(path);
  TA_ASSIGN_OR_RETURN(TableText table, TableText::open(files, path));
  rows.table_ = std::make_shared<const TableText>(std::move(table));
  TA_RETURN_IF_ERROR(rows.read_start());
  return rows;
}

Status CaptionRows::read_start() {
  rest_ = table_->text();
  if (rest_.starts_with(kMark)) rest_.remove_prefix(kMark.size());
  if (looks_like_tsv(rest_)) {
    if (rest_.starts_with("url\tcaption\n") || rest_.starts_with("url\tcaption\r\n"))
      take_line(rest_);
    return ok_status();
  }
  csv_ = std::make_unique<CsvReader>(table_->text());
  return check_header(*csv_, path_);
}

Result<std::optional<CaptionRow>> CaptionRows::next() {
  if (csv_ != nullptr) return next_csv();
  return next_tsv();
}

Result<std::optional<CaptionRow>> CaptionRows::next_csv() {
  auto row = csv_->next();
  if (!row.ok())
    return invalid_argument(format("read captions {}:{}", path_.string(), row.status().message()));
  if (!row->has_value()) return std::optional<CaptionRow>();
  std::vector<std::string>& fields = **row;
  if (fields.size() != 2 || fields[0].empty()) {
    return invalid_argument(
        format("read captions {}:{}: expected two columns, file and caption, found {}; "
               "quote captions that hold commas",
               path_.string(), csv_->line(),
               fields.size() == 2 ? "an empty file name" : format("{}", fields.size())));
  }
  CaptionRow result;
  result.file = std::move(fields[0]);
  result.caption = repair_utf8(fields[1], result.bad_bytes);
  return std::optional(std::move(result));
}

std::optional<CaptionRow> CaptionRows::next_tsv() {
  while (!rest_.empty()) {
    const std::string_view line = take_line(rest_);
    if (line.empty()) continue;
    const std::size_t tab = line.find('\t');
    if (tab == std::string_view::npos || tab == 0) {
      ++bad_lines_;
      continue;
    }
    CaptionRow row;
    const std::string_view name = line.substr(0, tab);
    (name.find("://") == std::string_view::npos ? row.file : row.url) = name;
    row.caption = repair_utf8(line.substr(tab + 1), row.bad_bytes);
    return row;
  }
  return std::nullopt;
}

}  // namespace tagalign::data
