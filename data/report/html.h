/// Pieces of an HTML text. Pure functions. Internal to data/report/.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tagalign::data {

/// Foreign text as the contents of an element or of an attribute in double quotes: valid UTF-8, marks
/// escaped, control characters U+FFFD. More than `characters_max` end in "…".
std::string html_text(std::string_view text, std::size_t characters_max = 1000);

/// "data:TYPE;base64,…".
std::string data_uri(std::string_view type, std::string_view bytes);

/// "12,345,678".
std::string grouped(std::uint64_t number);

}  // namespace tagalign::data
