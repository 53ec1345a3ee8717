/// Text from outside: whether it is UTF-8, what is done where it is not, and how it is shown.
///
/// File names, class names, captions and the output of other programs are bytes. JSON cannot hold
/// what is no UTF-8 (base/json_text.h), and a terminal obeys the control characters that it is sent.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"

namespace tagalign {

/// Bytes of the well-formed sequence at the start of `text` (Unicode table 3-7); 0: there is none.
std::size_t utf8_length(std::string_view text);
/// Position of the first byte that belongs to no well-formed sequence.
std::optional<std::size_t> find_non_utf8(std::string_view text);

/// ok for UTF-8. Otherwise kInvalidArgument: "WHAT:LINE: expected text in UTF-8, found byte e9; …"
/// with the command that converts it. `what` begins the message: "read classes t.txt".
Status check_utf8(std::string_view text, std::string_view what);
/// kInvalidArgument for text in UTF-16 or UTF-32, with or without a mark; says how to convert it.
/// Other bytes that are no UTF-8 pass.
Status check_encoding(std::string_view text, std::string_view what);

/// The text with every byte that is not part of valid UTF-8 replaced by U+FFFD; adds
/// their number to `replaced`.
std::string repair_utf8(std::string_view text, std::size_t& replaced);

/// At most `bytes_max` of foreign text on one line, harmless to a terminal: control characters, also
/// those that turn the direction of writing, and bytes that are no UTF-8 as \xNN.
std::string printable(std::string_view text, std::size_t bytes_max = std::string_view::npos);
/// The same for text of several lines: line ends and tabs stay.
std::string printable_lines(std::string_view text);

}  // namespace tagalign
