#include "data/datasets/captions/csv_captions.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "base/counted.h"
#include "base/format.h"
#include "base/utf8.h"

namespace tagalign::data {
namespace {

std::string shown(const std::vector<std::string>& names) {
  constexpr std::size_t kNamesShown = 10;
  constexpr std::size_t kNameBytesShown = 60;
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
Status at_line(const std::string& path, const Status& status) {
  return invalid_argument(format("read captions {}:{}", path, status.message()));
}

}  // namespace

std::string NotedLines::named() const {
  const std::string text =
      format("{} {}", for_count(count_, "line", "lines"), fmt::join(first_, ", "));
  return count_ > first_.size() ? text + format(" and {} more", count_ - first_.size()) : text;
}

Result<CsvCaptions> CsvCaptions::open(std::string_view text, const std::string& path) {
  CsvCaptions captions(text, path);
  TA_ASSIGN_OR_RETURN(captions.columns_, captions.read_header());
  return captions;
}

Result<CsvCaptions::Columns> CsvCaptions::read_header() {
  const auto row = csv_.next();
  if (!row.ok()) return at_line(path_, row.status());
  const auto& header = *row;
  const auto refuse = [&](const std::string& found) {
    return invalid_argument(format(
        "read captions {}:1: expected the header 'file,caption', found {}; add it, or "
        "rename the columns, separated by commas (or give lines of URL, tab, caption, or JSON "
        "lines with id and caption)",
        path_, found));
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

std::optional<CaptionRow> CsvCaptions::take(std::vector<std::string>& fields) {
  if (fields.size() != columns_.count || fields[columns_.file].empty()) {
    uneven_.add(csv_.line());
    if (uneven_.count() == 1)
      first_uneven_ =
          fields.size() == columns_.count ? "an empty file name" : format("{}", fields.size());
    return std::nullopt;
  }
  if (csv_.is_odd()) odd_.add(csv_.line());
  CaptionRow row;
  row.file = std::move(fields[columns_.file]);
  row.caption = repair_utf8(fields[columns_.caption], row.bad_bytes);
  return row;
}

Result<std::optional<CaptionRow>> CsvCaptions::next() {
  while (true) {
    auto fields = csv_.next();
    if (!fields.ok()) return at_line(path_, fields.status());
    if (!fields->has_value()) break;
    ++rows_;
    if (auto row = take(**fields)) return row;
  }
  TA_RETURN_IF_ERROR(judge());
  return std::optional<CaptionRow>();
}

std::string CsvCaptions::expected() const {
  return columns_.count == 2 ? "two columns, file and caption,"
                             : format("the {} columns of the header,", columns_.count);
}

BrokenLines CsvCaptions::broken() const {
  if (uneven_.count() == 0) return {};
  return {uneven_.count(),
          format("{}:{}: expected {} found {}", path_, uneven_.first(), expected(), first_uneven_)};
}

BrokenLines CsvCaptions::odd_quotes() const {
  if (odd_.count() == 0) return {};
  return {odd_.count(),
          format("{}:{}: text behind a closing quote, or a quote that is still open at the end",
                 path_, odd_.first())};
}

/// Few uneven rows are left out, many mean that the file is not what it should be.
Status CsvCaptions::judge() const {
  constexpr std::size_t kOneOf = 100;
  if (uneven_.count() * kOneOf <= rows_) return {};
  return invalid_argument(format(
      "read captions {}:{}: expected {} found {}; quote captions that hold commas ({} of {} {} "
      "uneven, on {})",
      path_, uneven_.first(), expected(), first_uneven_, uneven_.count(), counted(rows_, "row"),
      for_count(uneven_.count(), "is", "are"), uneven_.named()));
}

std::vector<std::string> CsvCaptions::notices() const {
  std::vector<std::string> notices;
  if (uneven_.count() > 0) {
    notices.push_back(
        format("{}: {} of {} left out, with another number of columns than the header or no file: "
               "{}",
               path_, uneven_.count(), counted(rows_, "row"), uneven_.named()));
  }
  if (odd_.count() > 0) {
    notices.push_back(
        format("{}: {} of {} with text behind a closing quote, or with one still open at the end, "
               "read as Python's csv reads that: {}",
               path_, odd_.count(), counted(rows_, "row"), odd_.named()));
  }
  return notices;
}

}  // namespace tagalign::data
