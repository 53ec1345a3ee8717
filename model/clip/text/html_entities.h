/// Character references of HTML as Python's html.unescape and ftfy read them.
#pragma once

#include <string>
#include <string_view>

namespace tagalign::model {

/// Every reference replaced, those without a semicolon too, by HTML's rules (html.unescape).
std::u32string unescape_html(std::u32string_view text);

/// ftfy's stricter form: only references with a semicolon, of at most 24 characters; "&EACUTE;"
/// counts as the upper-case letter.
std::u32string unescape_html_strict(std::u32string_view text);

}  // namespace tagalign::model
