#include "data/tags/parse/plain_text.h"

#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace tagalign::data {
namespace {

constexpr std::size_t kEntityMax = 10;  ///< characters between & and ;
constexpr std::size_t kMarkupMax = 60;  ///< characters between < and >

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// What an entity stands for, as UTF-8; a letter with an accent gives the letter.
std::string entity_text(std::string_view name) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 12> kNamed = {
      {{"amp", "&"},
       {"lt", "<"},
       {"gt", ">"},
       {"quot", "\""},
       {"apos", "'"},
       {"nbsp", " "},
       {"ndash", " - "},
       {"mdash", " - "},
       {"rsquo", "'"},
       {"lsquo", "'"},
       {"rdquo", "\""},
       {"ldquo", "\""}}};
  for (const auto& [known, text] : kNamed) {
    if (name == known) return std::string(text);
  }
  if (name.starts_with('#')) {
    name.remove_prefix(1);
    const bool hex = name.starts_with('x') || name.starts_with('X');
    if (hex) name.remove_prefix(1);
    UChar32 code = 0;
    const auto end = name.data() + name.size();
    if (std::from_chars(name.data(), end, code, hex ? 16 : 10).ptr != end || code < ' ' ||
        code > 0x10ffff)
      return " ";
    std::string utf8;
    return icu::UnicodeString(code).toUTF8String(utf8);
  }
  return std::string(name.substr(0, name.size() > 3 ? 1 : 0));
}

std::string without_entities(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::size_t end = text[i] == '&' ? text.find(';', i) : std::string_view::npos;
    const bool entity = end != std::string_view::npos && end > i + 1 && end - i <= kEntityMax &&
                        std::all_of(text.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                                    text.begin() + static_cast<std::ptrdiff_t>(end),
                                    [](char c) { return is_letter(c) || is_digit(c) || c == '#'; });
    out += entity ? entity_text(text.substr(i + 1, end - i - 1)) : std::string(1, text[i]);
    if (entity) i = end;
  }
  return out;
}

/// ASCII for one character that decomposition has left.
std::string_view ascii_of(UChar32 c) {
  switch (c) {
    case 0x2018:
    case 0x2019:
    case 0x02bc:
    case 0x2032:
    case 0x60:
    case 0xb4:
      return "'";
    case 0x2010:
    case 0x2011:
      return "-";
    case 0x2012:
    case 0x2013:
    case 0x2014:
    case 0x2015:
    case 0x2212:
      return " - ";
    case 0xd7:
      return "x";
    case 0xdf:
      return "ss";
    case 0xe6:
      return "ae";
    case 0xf8:
    case 0xd8:
      return "o";
    case 0x131:
      return "i";
    case 0x142:
    case 0x141:
      return "l";
    case 0x2022:
    case 0xb7:
    case 0x25cf:
    case 0x2605:
    case 0x25ba:
    case 0xbb:
    case 0xab:
      return " ; ";
    default:
      return " ";
  }
}

/// Accents away, signs mapped, letters of other scripts counted.
void fold(std::string_view utf8, PlainText& out) {
  UErrorCode error = U_ZERO_ERROR;
  const icu::Normalizer2* normal = icu::Normalizer2::getNFKDInstance(error);
  const auto wide = icu::UnicodeString::fromUTF8(
      icu::StringPiece(utf8.data(), static_cast<std::int32_t>(utf8.size())));
  const icu::UnicodeString apart = normal->normalize(wide, error);
  for (std::int32_t i = 0; i < apart.length(); i = apart.moveIndex32(i, 1)) {
    const UChar32 c = apart.char32At(i);
    if (c < 0x80 && c != 0x60) {
      out.text += static_cast<char>(c);
    } else if (const auto type = u_charType(c); type == U_NON_SPACING_MARK) {
      continue;
    } else if (u_isalpha(c) && ascii_of(c) == " ") {
      ++out.other_letters;
      out.text += ' ';
    } else {
      out.text += ascii_of(c);
    }
  }
}

/// <PERSON> becomes a person, other markup a blank.
std::string without_markup(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::size_t end = text[i] == '<' ? text.find('>', i) : std::string_view::npos;
    const bool markup = end != std::string_view::npos && end - i <= kMarkupMax &&
                        i + 1 < text.size() && (is_letter(text[i + 1]) || text[i + 1] == '/');
    if (!markup) {
      out += text[i];
      continue;
    }
    std::string name(text.substr(i + 1, end - i - 1));
    std::transform(name.begin(), name.end(), name.begin(), lower);
    out += name == "person" ? " person" : " ";
    i = end;
  }
  return out;
}

bool is_camera_name(std::string_view chunk) {
  const auto letters = static_cast<std::size_t>(
      std::find_if_not(chunk.begin(), chunk.end(), is_letter) - chunk.begin());
  const auto digits = std::count_if(chunk.begin(), chunk.end(), is_digit);
  return letters <= 4 && digits >= 3 &&
         std::all_of(chunk.begin() + static_cast<std::ptrdiff_t>(letters), chunk.end(),
                     [](char c) { return is_digit(c) || c == '_' || c == '-'; });
}

/// One run of characters between blanks: addresses go, the words of a file name come apart.
std::string plain_chunk(std::string chunk, const TagLists& lists) {
  if (chunk.starts_with("http:") || chunk.starts_with("https:") || chunk.starts_with("www.") ||
      chunk.starts_with('@'))
    return {};
  if (const auto at = chunk.find('@'); at != std::string::npos && at > 0) return {};
  std::string ending;
  if (const auto dot = chunk.rfind('.'); dot != std::string::npos && dot > 0) {
    ending = chunk.substr(dot + 1);
    std::transform(ending.begin(), ending.end(), ending.begin(), lower);
    if (lists.site_endings.contains(ending) && chunk.find_first_of("([,") == std::string::npos)
      return {};
    if (lists.noise_suffixes.contains(ending)) {
      chunk.resize(dot);
      if (is_camera_name(chunk)) return {};
      std::replace(chunk.begin(), chunk.end(), '-', ' ');
      chunk += " ;";
    }
  }
  if (chunk.find('_') != std::string::npos) {
    if (is_camera_name(chunk)) return {};
    std::replace(chunk.begin(), chunk.end(), '_', ' ');
  }
  return chunk;
}

}  // namespace

PlainText plain_text(std::string_view caption, const TagLists& lists) {
  std::string text(caption);
  for (int pass = 0; pass < 2 && text.find('&') != std::string::npos; ++pass)
    text = without_entities(text);
  PlainText out;
  const bool ascii = std::all_of(text.begin(), text.end(),
                                 [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  if (ascii) {
    out.text = std::move(text);
  } else {
    fold(text, out);
  }
  std::replace(out.text.begin(), out.text.end(), '`', '\'');
  if (out.text.find('<') != std::string::npos) out.text = without_markup(out.text);
  out.latin_letters =
      static_cast<std::size_t>(std::count_if(out.text.begin(), out.text.end(), is_letter));
  std::string result;
  std::string_view rest = out.text;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find_first_of(" \t\r\n\v\f"), rest.size());
    result += plain_chunk(std::string(rest.substr(0, end)), lists) + " ";
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  out.text = std::move(result);
  return out;
}

}  // namespace tagalign::data
