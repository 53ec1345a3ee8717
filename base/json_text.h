/// The one way in which JSON becomes text (tests/tidy insists): whatever stands in it, nothing throws.
///
/// A library's own writer throws for a string that is no UTF-8, and names of files, classes and
/// tensors come from outside: the throw would end the process.
#pragma once

#include <string>

namespace tagalign {

/// `document`: an nlohmann::json or ordered_json. `indent`: blanks a level; negative: all on one line.
/// Bytes that are no UTF-8 become U+FFFD, as base/utf8.h's repair_utf8() does.
template <class Json>
std::string json_text(const Json& document, int indent = -1) {
  return document.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace tagalign
