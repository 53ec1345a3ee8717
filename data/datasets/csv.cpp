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

CsvReader::CsvReader(std::string_view text) : text_(text) {
  if (text_.starts_with("\xef\xbb\xbf")) text_.remove_prefix(3);
}

Status CsvReader::read_quoted(std::string& field) {
  const std::size_t opened = line_;
  ++position_;
  while (position_ < text_.size()) {
    const char c = text_[position_++];
    if (c == '\n') ++line_;
    if (c != '"') {
      field += c;
    } else if (position_ < text_.size() && text_[position_] == '"') {
      field += '"';
      ++position_;
    } else {
      if (position_ == text_.size() ||
          std::string_view(",\r\n").find(text_[position_]) != std::string_view::npos)
        return {};
      return invalid_argument(
          format("{}: expected a comma or the line's end after a closing quote, found '{}'; "
                 "double the quotes inside a quoted field",
                 line_, text_[position_]));
    }
  }
  return invalid_argument(format("{}: a quote opened here is never closed", opened));
}

Result<std::optional<std::vector<std::string>>> CsvReader::next() {
  while (position_ < text_.size() && (text_[position_] == '\n' || text_[position_] == '\r')) {
    if (text_[position_++] == '\n') ++line_;
  }
  if (position_ == text_.size()) return std::optional<std::vector<std::string>>();
  record_line_ = line_;
  std::vector<std::string> fields(1);
  while (position_ < text_.size()) {
    const char c = text_[position_];
    if (c == '"' && fields.back().empty()) {
      TA_RETURN_IF_ERROR(read_quoted(fields.back()));
      continue;
    }
    ++position_;
    if (c == ',')
      fields.emplace_back();
    else if (c == '\n')
      break;
    else if (c != '\r' || (position_ < text_.size() && text_[position_] != '\n'))
      fields.back() += c;
  }
  if (position_ > 0 && text_[position_ - 1] == '\n') ++line_;
  return std::optional(std::move(fields));
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
