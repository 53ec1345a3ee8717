/// Defects that are planted in a copy of one source of the core, one at a time, and must be found by
/// the core's tests or the simulator: one that survives is a missing check.
///
/// A list is text. Of each defect: a line "= what is broken", a line "@ file", lines "- " with the text
/// that stands there exactly once, lines "+ " with what is put in its place. "#" begins a comment.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace tagalign::mutations {

struct Mutation {
  std::string name;
  std::string file;  ///< below the source folder
  std::string before;
  std::string after;  ///< may be empty
};

/// The message names the line that is no part of a list, or the defect that is not whole.
Result<std::vector<Mutation>> parse_mutations(std::string_view text);

/// `source` with the defect in it. An error when `before` does not stand there exactly once: the code
/// has changed, and the list must follow.
Result<std::string> plant(const Mutation& mutation, const std::string& source);

}  // namespace tagalign::mutations
