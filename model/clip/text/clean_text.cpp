#include "model/clip/text/clean_text.h"

#include <algorithm>
#include <utility>

#include "model/clip/text/html_entities.h"
#include "model/clip/text/mojibake.h"
#include "model/clip/text/unicode.h"

namespace tagalign::model {
namespace {

constexpr std::size_t kSegmentMax = 1'000'000;  // ftfy's max_decode_length, in characters

struct Replacement {
  char32_t from;
  std::u32string_view to;
};
constexpr Replacement kLigatures[] = {
    {0x132, U"IJ"},  {0x133, U"ij"},  {0x149, U"'n"},  {0x1C4, U"DŽ"},   {0x1C5, U"Dž"},
    {0x1C6, U"dž"},  {0x1C7, U"LJ"},  {0x1C8, U"Lj"},  {0x1C9, U"lj"},   {0x1CA, U"NJ"},
    {0x1CB, U"Nj"},  {0x1CC, U"nj"},  {0x1F1, U"DZ"},  {0x1F2, U"Dz"},   {0x1F3, U"dz"},
    {0xFB00, U"ff"}, {0xFB01, U"fi"}, {0xFB02, U"fl"}, {0xFB03, U"ffi"}, {0xFB04, U"ffl"},
    {0xFB05, U"ſt"}, {0xFB06, U"st"}};

/// Controls without effect; terminal escapes are another matter.
bool is_removed_control(char32_t c) {
  return in_range(c, 0x00, 0x08) || c == 0x0B || in_range(c, 0x0E, 0x1F) || c == 0x7F ||
         in_range(c, 0x206A, 0x206F) || c == 0xFEFF || in_range(c, 0xFFF9, 0xFFFC);
}

/// C1 controls, ligatures, width and quotes, in ftfy's order.
void append_repaired(std::u32string& result, char32_t c) {
  c = repair_control(c);
  if (c < 0x80) {
    result.push_back(c);
  } else if (c == 0x02BC || in_range(c, 0x2018, 0x201B)) {
    result.push_back(U'\'');
  } else if (in_range(c, 0x201C, 0x201F)) {
    result.push_back(U'"');
  } else if (c == 0x3000) {
    result.push_back(U' ');
  } else if (in_range(c, 0xFF01, 0xFFEF)) {
    result.append(nfkc(c));
  } else if (const auto* found = std::find_if(std::begin(kLigatures), std::end(kLigatures),
                                              [c](const Replacement& r) { return r.from == c; });
             found != std::end(kLigatures)) {
    result.append(found->to);
  } else {
    result.push_back(c);
  }
}

/// "\r\n", "\r", U+0085, U+2028 and U+2029 become "\n".
std::u32string fix_line_breaks(std::u32string_view text) {
  std::u32string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char32_t c = text[i];
    if (c == U'\r' && i + 1 < text.size() && text[i + 1] == U'\n') continue;
    const bool line_break = c == U'\r' || c == 0x85 || c == 0x2028 || c == 0x2029;
    result.push_back(line_break ? U'\n' : c);
  }
  return result;
}

/// Length of a terminal escape "\x1B[…letter" at the start of `text`, or 0.
std::size_t terminal_escape_length(std::u32string_view text) {
  if (!text.starts_with(U"\x1B[")) return 0;
  std::size_t i = 2;
  while (i < text.size() && (is_decimal_digit(text[i]) || text[i] == U';')) ++i;
  const bool letter = i < text.size() && in_range(text[i] | 0x20, U'a', U'z');
  return letter ? i + 1 : 0;
}

std::u32string remove_controls(std::u32string_view text) {
  std::u32string result;
  while (!text.empty()) {
    const std::size_t escape = terminal_escape_length(text);
    if (escape == 0 && !is_removed_control(text[0])) result.push_back(text[0]);
    text.remove_prefix(std::max<std::size_t>(escape, 1));
  }
  return result;
}

std::u32string repair_segment(std::u32string text, bool unescape, WorkBudget& budget) {
  while (true) {
    std::u32string fixed = unescape ? unescape_html_strict(text) : text;
    fixed = repair_mojibake(std::move(fixed), budget);
    std::u32string replaced;
    replaced.reserve(fixed.size());
    for (char32_t c : fixed) append_repaired(replaced, c);
    fixed = nfc(remove_controls(fix_line_breaks(replaced)));
    if (fixed == text || !budget.spend(text.size())) return fixed;
    text = std::move(fixed);
  }
}

/// Nothing to repair or to resolve: ASCII without references and removed controls.
bool is_plain(std::string_view bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](char c) {
    return (c >= ' ' && c <= '~' && c != '&') || c == '\t' || c == '\n' || c == '\f' || c == '\r';
  });
}

}  // namespace

std::u32string repair_text(std::u32string_view text) {
  WorkBudget budget(std::max(kRepairWorkMin, kRepairPasses * text.size()));
  bool unescape = true;
  std::u32string result;
  while (!text.empty()) {
    const std::size_t newline = text.find(U'\n');
    const std::size_t line = newline == std::u32string_view::npos ? text.size() : newline + 1;
    const std::u32string_view segment = text.substr(0, std::min(line, kSegmentMax));
    unescape = unescape && segment.find(U'<') == std::u32string_view::npos;
    result.append(repair_segment(std::u32string(segment), unescape, budget));
    text.remove_prefix(segment.size());
  }
  return result;
}

std::u32string collapse_space(std::u32string_view text) {
  std::u32string result;
  result.reserve(text.size());
  for (char32_t c : text) {
    if (!is_space(c)) {
      result.push_back(c);
    } else if (!result.empty() && result.back() != U' ') {
      result.push_back(U' ');
    }
  }
  if (!result.empty() && result.back() == U' ') result.pop_back();
  return result;
}

std::u32string clean_text(std::string_view bytes) {
  if (is_plain(bytes)) {
    return lower_case(collapse_space(std::u32string(bytes.begin(), bytes.end())));
  }
  const std::u32string repaired = repair_text(decode_utf8(bytes));
  return lower_case(collapse_space(unescape_html(unescape_html(repaired))));
}

}  // namespace tagalign::model
