/// Character references of HTML as Python's html.unescape and ftfy read them.
#pragma once

#include <array>
#include <string>
#include <string_view>

namespace tagalign::model {

/// Every reference replaced, those without a semicolon too, by HTML's rules (html.unescape).
std::u32string unescape_html(std::u32string_view text);

/// ftfy's stricter form: only references with a semicolon; "&EACUTE;" counts as the upper-case
/// letter.
std::u32string unescape_html_strict(std::u32string_view text);

/// Windows-1252 at 0x80 … 0x9F, the five holes left as they are.
extern const std::array<char32_t, 32> kWindows1252HighControls;

}  // namespace tagalign::model
