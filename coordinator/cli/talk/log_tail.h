/// Following a file of which only the newest part is ever seen. Pure.
#pragma once

#include <string>
#include <string_view>

namespace tagalign::cli {

/// What `tail` holds beyond `before`, two ends of one growing file. All of `tail` when
/// they no longer overlap.
std::string unseen_part(std::string_view before, std::string_view tail);

}  // namespace tagalign::cli
