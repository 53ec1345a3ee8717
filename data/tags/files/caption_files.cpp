#include "data/tags/files/caption_files.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/format.h"
#include "data/datasets/csv.h"

namespace tagalign::data {
namespace {

constexpr std::uint64_t kPieceBytes = 4u << 20;
constexpr std::size_t kRecordBytesMax = 64u << 20;
constexpr std::string_view kMark = "\xef\xbb\xbf";
constexpr std::string_view kHeader = "file,caption";

std::string_view without_mark(std::string_view text) {
  if (text.starts_with(kMark)) text.remove_prefix(kMark.size());
  return text;
}

std::string_view without_return(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

Result<CaptionFormat> format_of(FileSystem& files, const Path& path, std::uint64_t size) {
  std::string head(std::min<std::uint64_t>(size, kPieceBytes), '\0');
  TA_RETURN_IF_ERROR(files.read_range(path, 0, std::as_writable_bytes(std::span(head))));
  std::string_view text = without_mark(head);
  text.remove_prefix(std::min(text.find_first_not_of("\r\n"), text.size()));
  const std::string_view line = without_return(text.substr(0, text.find('\n')));
  if (line == kHeader) return CaptionFormat::kCsv;
  if (line.starts_with('{')) return CaptionFormat::kJsonLines;
  if (line.find('\t') != std::string_view::npos) return CaptionFormat::kTsv;
  return invalid_argument(
      format("read captions {}: expected the header 'file,caption' of a CSV, url<TAB>caption, or "
             "JSON lines with \"id\" and \"caption\"; found '{}'",
             path.string(), line.substr(0, 60)));
}

/// Where the last whole record ends; a line break within quotes ends none.
std::size_t end_of_records(std::string_view text, CaptionFormat kind) {
  if (kind != CaptionFormat::kCsv) return text.rfind('\n') + 1;
  std::size_t end = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') quoted = !quoted;
    if (text[i] == '\n' && !quoted) end = i + 1;
  }
  return end;
}

bool take_json(std::string_view line, CaptionRow& row) {
  const auto object = nlohmann::json::parse(line, nullptr, false);
  if (!object.is_object()) return false;
  const auto text = [&](const char* name) -> std::string {
    const auto found = object.find(name);
    if (found == object.end()) return {};
    if (found->is_string()) return found->get<std::string>();
    return found->is_number_integer() ? found->dump() : std::string();
  };
  for (const char* name : {"id", "key", "file", "url"}) {
    if (row.key.empty()) row.key = text(name);
  }
  const auto caption = object.find("caption");
  if (row.key.empty() || caption == object.end() || !caption->is_string()) return false;
  row.caption = caption->get<std::string>();
  return true;
}

}  // namespace

Result<CaptionFiles> CaptionFiles::open(FileSystem& files, std::span<const Path> paths) {
  CaptionFiles captions(files);
  for (const Path& path : paths) {
    TA_ASSIGN_OR_RETURN(const std::uint64_t size, files.file_size(path));
    TA_ASSIGN_OR_RETURN(const CaptionFormat kind, format_of(files, path, size));
    captions.sources_.push_back({path, kind, size});
    captions.bytes_total_ += size;
  }
  return captions;
}

/// Reads the next piece; false when the file has no more.
Result<bool> CaptionFiles::fill() {
  const Source& source = sources_[source_];
  const std::uint64_t length = std::min(kPieceBytes, source.size - offset_);
  if (length == 0) return false;
  const std::size_t before = pending_.size();
  if (before > kRecordBytesMax)
    return invalid_argument(
        format("read captions {}:{}: a record of more than {} MiB; is a quote "
               "never closed?",
               source.path.string(), line_ + 1, kRecordBytesMax >> 20));
  pending_.resize(before + length);
  TA_RETURN_IF_ERROR(files_->read_range(
      source.path, offset_, std::as_writable_bytes(std::span(pending_).subspan(before))));
  offset_ += length;
  bytes_read_ += length;
  return true;
}

Status CaptionFiles::read(std::vector<CaptionRow>& rows) {
  const std::size_t before = rows.size();
  while (rows.size() == before && source_ < sources_.size()) {
    const Source& source = sources_[source_];
    TA_ASSIGN_OR_RETURN(const bool more, fill());
    const std::size_t end =
        more && offset_ < source.size ? end_of_records(pending_, source.format) : pending_.size();
    TA_RETURN_IF_ERROR(parse(std::string_view(pending_).substr(0, end), source, rows));
    pending_.erase(0, end);
    if (offset_ < source.size) continue;
    ++source_;
    offset_ = line_ = 0;
  }
  return ok_status();
}

Status CaptionFiles::parse(std::string_view text, const Source& source,
                           std::vector<CaptionRow>& rows) {
  if (line_ == 0) text = without_mark(text);
  if (source.format == CaptionFormat::kCsv) return parse_csv(text, source, rows);
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    ++line_;
    parse_line(without_return(text.substr(0, end)), source, rows);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return ok_status();
}

Status CaptionFiles::parse_csv(std::string_view text, const Source& source,
                               std::vector<CaptionRow>& rows) {
  CsvReader csv(text);
  const std::uint64_t before = line_;
  while (true) {
    auto record = csv.next();
    if (!record.ok())
      return invalid_argument(format("read captions {}, lines from {} on: line {}",
                                     source.path.string(), before + 1, record.status().message()));
    if (!record->has_value()) break;
    auto& fields = **record;
    line_ = before + csv.line();
    const bool header = line_ == 1 && fields.size() == 2 && fields[0] == "file";
    if (header) continue;
    if (fields.size() != 2 || fields[0].empty()) {
      complain(source, "two columns, file and caption", fields.empty() ? "" : fields[0]);
    } else {
      rows.push_back({std::move(fields[0]), std::move(fields[1])});
    }
  }
  line_ = before + static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n'));
  return ok_status();
}

void CaptionFiles::parse_line(std::string_view line, const Source& source,
                              std::vector<CaptionRow>& rows) {
  if (line.empty()) return;
  CaptionRow row;
  if (source.format == CaptionFormat::kJsonLines) {
    if (take_json(line, row)) {
      rows.push_back(std::move(row));
    } else {
      complain(source, "{\"id\": …, \"caption\": …}", line);
    }
    return;
  }
  const std::size_t tab = line.find('\t');
  if (tab == std::string_view::npos || tab == 0) return complain(source, "url<TAB>caption", line);
  rows.push_back({std::string(line.substr(0, tab)), std::string(line.substr(tab + 1)), true});
}

void CaptionFiles::complain(const Source& source, std::string_view expected,
                            std::string_view found) {
  std::size_t replaced = 0;
  if (broken_.count++ == 0)
    broken_.first = format("{}:{}: expected {}, found '{}'", source.path.string(), line_, expected,
                           repair_utf8(found.substr(0, 60), replaced));
}

}  // namespace tagalign::data
