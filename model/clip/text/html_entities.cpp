#include "model/clip/text/html_entities.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <unordered_map>

#include "model/clip/text/encodings.h"
#include "model/clip/text/unicode.h"

namespace tagalign::model {

namespace {

constexpr char kEntityList[] =
#include "model/clip/text/html_entities.inc"
    ;
constexpr std::size_t kEntityNameMax = 32;
constexpr std::size_t kStrictNameMax = 24;
constexpr char32_t kReplacement = 0xFFFD;

struct Entity {
  std::u32string value;
  bool without_semicolon = false;
};
using EntityTable = std::unordered_map<std::string, Entity>;

std::u32string parse_code_points(std::string_view hex) {
  std::u32string value;
  while (!hex.empty()) {
    const std::size_t end = std::min(hex.find('+'), hex.size());
    std::uint32_t code = 0;
    std::from_chars(hex.data(), hex.data() + end, code, 16);
    value.push_back(static_cast<char32_t>(code));
    hex.remove_prefix(std::min(end + 1, hex.size()));
  }
  return value;
}

EntityTable parse_entities() {
  EntityTable table;
  std::string_view rest = kEntityList;
  while (!rest.empty()) {
    const std::size_t end = rest.find(' ');
    const std::string_view entry = rest.substr(0, end);
    const std::size_t equals = entry.find('=');
    std::string_view name = entry.substr(0, equals);
    const bool legacy = name.ends_with('?');
    if (legacy) name.remove_suffix(1);
    table.emplace(name, Entity{parse_code_points(entry.substr(equals + 1)), legacy});
    rest.remove_prefix(end + 1);
  }
  return table;
}

const EntityTable& entities() {
  static const EntityTable table = parse_entities();
  return table;
}

bool is_ascii_digit(char32_t c) {
  return c >= U'0' && c <= U'9';
}
bool is_ascii_letter(char32_t c) {
  return (c >= U'A' && c <= U'Z') || (c >= U'a' && c <= U'z');
}
bool is_hex_digit(char32_t c) {
  return is_ascii_digit(c) || (c >= U'A' && c <= U'F') || (c >= U'a' && c <= U'f');
}

std::string to_ascii(std::u32string_view text) {
  std::string ascii;
  for (char32_t c : text) ascii.push_back(c < 0x80 ? static_cast<char>(c) : '\x01');
  return ascii;
}

/// What "&#N;" stands for: HTML repairs Windows-1252 numbers and drops
/// control characters and noncharacters.
std::u32string numeric_value(std::uint64_t code) {
  if (code == 0) return {kReplacement};
  if (code == 0x0D) return {U'\r'};
  if (code >= 0x80 && code <= 0x9F) {
    return {decode_byte(Encoding::kWindows1252, static_cast<std::uint8_t>(code))};
  }
  if ((code >= 0xD800 && code <= 0xDFFF) || code > 0x10FFFF) return {kReplacement};
  const bool control =
      code <= 0x08 || code == 0x0B || (code >= 0x0E && code <= 0x1F) || code == 0x7F;
  const bool noncharacter = (code >= 0xFDD0 && code <= 0xFDEF) || (code & 0xFFFE) == 0xFFFE;
  if (control || noncharacter) return {};
  return {static_cast<char32_t>(code)};
}

/// A reference found at the start of a text: how much of it is replaced by what.
struct Match {
  std::size_t length = 0;
  std::u32string value;
};

std::optional<Match> match_numeric(std::u32string_view text) {  // starts with "&#"
  std::size_t at = 2;
  const bool hex = text.size() > 2 && (text[2] == U'x' || text[2] == U'X');
  if (hex) ++at;
  const std::size_t digits_start = at;
  std::uint64_t code = 0;
  while (at < text.size() && (hex ? is_hex_digit(text[at]) : is_ascii_digit(text[at]))) {
    const char32_t c = text[at++];
    const std::uint32_t digit = is_ascii_digit(c) ? c - U'0' : (c | 0x20) - U'a' + 10;
    code = std::min<std::uint64_t>(code * (hex ? 16 : 10) + digit, 0x110000);
  }
  if (at == digits_start) return std::nullopt;
  if (at < text.size() && text[at] == U';') ++at;
  return Match{at, numeric_value(code)};
}

bool ends_name(char32_t c) {
  return c == U'\t' || c == U'\n' || c == U'\f' || c == U' ' || c == U'<' || c == U'&' ||
         c == U'#' || c == U';';
}

std::optional<Match> match_named(std::u32string_view text) {  // starts with "&"
  std::size_t end = 1;
  while (end < text.size() && end <= kEntityNameMax && !ends_name(text[end])) ++end;
  const std::string name = to_ascii(text.substr(1, end - 1));
  if (end < text.size() && text[end] == U';') {
    const auto found = entities().find(name);
    if (found != entities().end()) return Match{end + 1, found->second.value};
  }
  for (std::size_t length = name.size(); length > 1; --length) {  // the longest legacy prefix
    const auto found = entities().find(name.substr(0, length));
    if (found != entities().end() && found->second.without_semicolon) {
      return Match{length + 1, found->second.value};
    }
  }
  return std::nullopt;
}

std::optional<Match> match_reference(std::u32string_view text) {
  if (text.size() < 2) return std::nullopt;
  return text[1] == U'#' ? match_numeric(text) : match_named(text);
}

/// The upper-case spelling of a lower-case entity, e.g. EACUTE, unless HTML itself knows it.
std::optional<std::u32string> upper_case_entity(const std::string& name) {
  std::string lower = name;
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z')
      c = static_cast<char>(c | 0x20);
    else if (c >= 'a' && c <= 'z')
      return std::nullopt;
  }
  const auto found = entities().find(lower);
  const std::u32string reference = U"&" + std::u32string(name.begin(), name.end()) + U";";
  if (found == entities().end() || unescape_html(reference) != reference) return std::nullopt;
  return upper_case(found->second.value);
}

std::optional<Match> match_strict(std::u32string_view text) {
  std::size_t end = 1;
  const bool numeric = text.size() > 1 && text[1] == U'#';
  if (numeric) ++end;
  const std::size_t start = end;
  while (end < text.size() && end - start < kStrictNameMax &&
         (is_ascii_digit(text[end]) || is_ascii_letter(text[end]))) {
    ++end;
  }
  if (end == start || end == text.size() || text[end] != U';') return std::nullopt;
  if (numeric) {
    auto match = match_numeric(text);
    const bool whole = match && match->length == end + 1;
    return whole && match->value != U";" ? match : std::nullopt;  // ftfy keeps "&#59;"
  }
  const std::string name = to_ascii(text.substr(start, end - start));
  if (const auto found = entities().find(name); found != entities().end()) {
    return Match{end + 1, found->second.value};
  }
  if (auto value = upper_case_entity(name)) return Match{end + 1, *std::move(value)};
  return std::nullopt;
}

template <class Matcher>
std::u32string replace_references(std::u32string_view text, Matcher matcher) {
  std::u32string result;
  while (true) {
    const std::size_t ampersand = text.find(U'&');
    result.append(text.substr(0, ampersand));
    if (ampersand == std::u32string_view::npos) return result;
    text.remove_prefix(ampersand);
    if (const auto match = matcher(text)) {
      result.append(match->value);
      text.remove_prefix(match->length);
    } else {
      result.push_back(U'&');
      text.remove_prefix(1);
    }
  }
}

}  // namespace

std::u32string unescape_html(std::u32string_view text) {
  return replace_references(text, match_reference);
}

std::u32string unescape_html_strict(std::u32string_view text) {
  return replace_references(text, match_strict);
}

}  // namespace tagalign::model
