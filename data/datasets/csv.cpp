#include "data/datasets/csv.h"

#include <algorithm>

#include "base/format.h"

namespace tagalign::data {
namespace {

/// Length of the well-formed UTF-8 sequence at the start of `text` (Unicode table 3-7); 0
/// when there is none.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const auto within = [](unsigned value, unsigned low, unsigned high) {
    return value >= low && value <= high;
  };
  const auto tail = [&](std::size_t i) { return within(byte(i), 0x80, 0xbf); };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  if (within(lead, 0xc2, 0xdf)) return tail(1) ? 2 : 0;
  if (within(lead, 0xe0, 0xef)) {
    const bool second = within(byte(1), lead == 0xe0 ? 0xa0 : 0x80, lead == 0xed ? 0x9f : 0xbf);
    return second && tail(2) ? 3 : 0;
  }
  if (within(lead, 0xf0, 0xf4)) {
    const bool second = within(byte(1), lead == 0xf0 ? 0x90 : 0x80, lead == 0xf4 ? 0x8f : 0xbf);
    return second && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

}  // namespace

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

Status check_encoding(std::string_view text, std::string_view what) {
  const auto refuse = [&](std::string_view encoding) {
    return invalid_argument(
        format("{}: expected text in UTF-8, found {}; convert it: iconv -f {} -t UTF-8 OLD > NEW",
               what, encoding, encoding));
  };
  constexpr std::size_t kLookedAt = 512;
  const std::string_view start = text.substr(0, kLookedAt);
  const auto zeros = static_cast<std::size_t>(std::ranges::count(start, '\0'));
  if (start.starts_with(std::string_view("\xff\xfe\0\0", 4))) return refuse("UTF-32");
  if (start.starts_with("\xff\xfe") || start.starts_with("\xfe\xff")) return refuse("UTF-16");
  if (zeros * 3 < start.size() || zeros == 0) return {};
  return refuse(start.size() > 1 && start[0] == '\0' ? "UTF-16BE" : "UTF-16LE");
}

std::string printable(std::string_view text, std::size_t bytes_max) {
  std::string out;
  std::string_view rest = text.substr(0, bytes_max);
  while (!rest.empty()) {
    const std::size_t length = utf8_length(rest);
    const auto first = static_cast<unsigned char>(rest[0]);
    const bool control =
        first < 0x20 || first == 0x7f ||
        (first == 0xc2 && length == 2 && static_cast<unsigned char>(rest[1]) < 0xa0);
    if (length == 0 || control) {
      for (const char c : rest.substr(0, std::max<std::size_t>(length, 1)))
        out += format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      out += rest.substr(0, length);
    }
    rest.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return text.size() > bytes_max ? out + "…" : out;
}

std::string repair_utf8(std::string_view text, std::size_t& replaced) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) {
      out += "\xef\xbf\xbd";
      ++replaced;
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out;
}

}  // namespace tagalign::data
