#include "data/datasets/csv.h"

#include "base/format.h"

namespace tagalign::data {
CsvReader::CsvReader(std::string_view text, EmptyLines empty_lines)
    : text_(text), empty_lines_(empty_lines) {
  if (text_.starts_with("\xef\xbb\xbf")) text_.remove_prefix(3);
}

bool CsvReader::at_line_end() const {
  return text_[position_] == '\n' || text_[position_] == '\r';
}

void CsvReader::take_line_end() {
  position_ += text_.substr(position_).starts_with("\r\n") ? 2 : 1;
  ++line_;
}

Status CsvReader::read_quoted(std::string& field) {
  const std::size_t opened = line_;
  ++position_;
  while (position_ < text_.size()) {
    const char c = text_[position_];
    const bool doubled = text_.substr(position_).starts_with("\"\"");
    if (at_line_end()) {
      const std::size_t from = position_;
      take_line_end();
      field += text_.substr(from, position_ - from);
      continue;
    }
    position_ += doubled ? 2 : 1;
    if (c == '"' && !doubled) {
      odd_ = odd_ || (position_ < text_.size() && text_[position_] != ',' && !at_line_end());
      return {};
    }
    field += c;
  }
  odd_ = true;
  while (field.ends_with('\n') || field.ends_with('\r')) field.pop_back();
  if (field.find_first_of("\r\n") == std::string::npos) return {};
  return invalid_argument(format("{}: a quote opened here is never closed", opened));
}

Result<std::optional<std::vector<std::string>>> CsvReader::next() {
  using Record = std::vector<std::string>;
  while (empty_lines_ == EmptyLines::kSkip && position_ < text_.size() && at_line_end())
    take_line_end();
  if (position_ == text_.size()) return std::optional<Record>();
  record_line_ = line_;
  odd_ = false;
  if (at_line_end()) {
    take_line_end();
    return std::optional(Record());
  }
  Record fields(1);
  bool field_begins = true;
  while (position_ < text_.size() && !at_line_end()) {
    const char c = text_[position_];
    if (c == '"' && field_begins) {
      TA_RETURN_IF_ERROR(read_quoted(fields.back()));
    } else {
      ++position_;
      if (c == ',')
        fields.emplace_back();
      else
        fields.back() += c;
    }
    field_begins = c == ',';
  }
  if (position_ < text_.size()) take_line_end();
  return std::optional(std::move(fields));
}

}  // namespace tagalign::data
