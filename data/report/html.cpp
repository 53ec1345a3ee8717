#include "data/report/html.h"

#include "base/format.h"
#include "base/utf8.h"

namespace tagalign::data {
namespace {

/// What a mark of HTML is written as; empty for what may stand as it is.
std::string_view entity_of(char c) {
  switch (c) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    case '\'':
      return "&#39;";
    default:
      return {};
  }
}

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20 && c != '\t' && c != '\n') || byte == 0x7f;
}

bool is_inside_character(char c) {
  return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

}  // namespace

std::string html_text(std::string_view text, std::size_t characters_max) {
  std::size_t replaced = 0;
  std::size_t characters = 0;
  std::string out;
  for (const char c : repair_utf8(text.substr(0, characters_max * 4 + 4), replaced)) {
    if (!is_inside_character(c) && ++characters > characters_max) return out + "…";
    if (const std::string_view entity = entity_of(c); !entity.empty())
      out += entity;
    else if (is_control(c))
      out += "\xef\xbf\xbd";
    else
      out += c;
  }
  return out;
}

std::string data_uri(std::string_view type, std::string_view bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string uri = format("data:{};base64,", type);
  uri.reserve(uri.size() + bytes.size() * 4 / 3 + 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const auto byte = [&](std::size_t at) {
      return at < bytes.size() ? static_cast<unsigned char>(bytes[at]) : 0u;
    };
    const unsigned bits = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
    for (unsigned digit = 0; digit < 4; ++digit)
      uri += i + digit > bytes.size() ? '=' : kDigits[bits >> (18 - 6 * digit) & 63];
  }
  return uri;
}

std::string grouped(std::uint64_t number) {
  const std::string digits = format("{}", number);
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

}  // namespace tagalign::data
