/// A look at source text without a compiler: where functions begin and end, and how comments do.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tagalign::tidy {

/// The same text with comments, literals and preprocessor lines blanked; lines stay where they are.
std::string without_comments_and_literals(std::string_view text);

struct Stretch {
  long first_line = 0;  ///< from 1
  long lines = 0;
};

/// Bodies of functions from their first line to the closing brace, those of lambdas inside one
/// not apart from it.
std::vector<Stretch> functions_of(std::string_view text);

/// Lines that end a comment of several lines, or a paragraph in it, with one to
/// three words of prose.
std::vector<long> orphan_lines(std::string_view text);

}  // namespace tagalign::tidy
