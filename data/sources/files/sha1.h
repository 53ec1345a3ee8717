/// SHA-1, by which downloads of CC12M name their files.
#pragma once

#include <string>
#include <string_view>

namespace tagalign::data {

/// 40 lower-case hexadecimal digits.
std::string sha1_hex(std::string_view text);

}  // namespace tagalign::data
