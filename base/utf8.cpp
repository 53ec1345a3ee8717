#include "base/utf8.h"

#include <algorithm>

#include "base/format.h"

namespace tagalign {
namespace {

unsigned byte_at(std::string_view text, std::size_t i) {
  return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
}

bool within(unsigned value, unsigned low, unsigned high) {
  return value >= low && value <= high;
}

/// C0, DEL and C1; the marks that turn the direction of writing (U+200E, U+200F, U+202A … U+202E,
/// U+2066 … U+2069) and the separators of lines (U+2028, U+2029).
bool is_control(std::string_view sequence) {
  const unsigned first = byte_at(sequence, 0), second = byte_at(sequence, 1);
  const unsigned third = byte_at(sequence, 2);
  if (sequence.size() == 1) return first < 0x20 || first == 0x7f;
  if (sequence.size() == 2) return first == 0xc2 && second < 0xa0;
  if (sequence.size() != 3 || first != 0xe2) return false;
  if (second == 0x80) return within(third, 0x8e, 0x8f) || within(third, 0xa8, 0xae);
  return second == 0x81 && within(third, 0xa6, 0xa9);
}

std::string show(std::string_view text, std::size_t bytes_max, std::string_view kept) {
  std::string out;
  std::string_view rest = text;
  while (!rest.empty() && text.size() - rest.size() < bytes_max) {
    const std::size_t length = utf8_length(rest);
    const std::string_view taken = rest.substr(0, std::max<std::size_t>(length, 1));
    if (length > 0 && (!is_control(taken) || kept.find(taken[0]) != std::string_view::npos)) {
      out += taken;
    } else {
      for (const char c : taken) out += format("\\x{:02x}", static_cast<unsigned char>(c));
    }
    rest.remove_prefix(taken.size());
  }
  return rest.empty() ? out : out + "…";
}

}  // namespace

std::size_t utf8_length(std::string_view text) {
  const auto tail = [&](std::size_t i) { return within(byte_at(text, i), 0x80, 0xbf); };
  const unsigned lead = byte_at(text, 0), second = byte_at(text, 1);
  if (lead < 0x80) return 1;
  if (within(lead, 0xc2, 0xdf)) return tail(1) ? 2 : 0;
  if (within(lead, 0xe0, 0xef)) {
    const bool fits = within(second, lead == 0xe0 ? 0xa0 : 0x80, lead == 0xed ? 0x9f : 0xbf);
    return fits && tail(2) ? 3 : 0;
  }
  if (within(lead, 0xf0, 0xf4)) {
    const bool fits = within(second, lead == 0xf0 ? 0x90 : 0x80, lead == 0xf4 ? 0x8f : 0xbf);
    return fits && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

std::optional<std::size_t> find_non_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = utf8_length(text.substr(at));
    if (length == 0) return at;
    at += length;
  }
  return std::nullopt;
}

Status check_utf8(std::string_view text, std::string_view what) {
  TA_RETURN_IF_ERROR(check_encoding(text, what));
  const auto bad = find_non_utf8(text);
  if (!bad) return {};
  return invalid_argument(format(
      "{}:{}: expected text in UTF-8, found byte {:02x}; convert it, from the encoding that it "
      "was saved in: iconv -f LATIN1 -t UTF-8 OLD > NEW",
      what, std::ranges::count(text.substr(0, *bad), '\n') + 1, byte_at(text, *bad)));
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

std::string printable(std::string_view text, std::size_t bytes_max) {
  return show(text, bytes_max, "");
}

std::string printable_lines(std::string_view text) {
  return show(text, std::string_view::npos, "\n\t");
}

}  // namespace tagalign
