/// What a log ends with, as part of a sentence: so that whoever reads why an attempt ended need not go
/// and look for the file. Pure but for the reading.
#pragma once

#include <string>
#include <string_view>

#include "base/file_system.h"

namespace tagalign::agent {

/// "ends: …", or that the log is empty or cannot be read: what is said of the file that was named.
std::string last_words(FileSystem& files, const Path& log);

/// The last lines of `text` as one: without rulers and empty lines, a few hundred characters at most,
/// nothing that a terminal would obey (printable(), base/utf8.h).
std::string last_lines(std::string_view text);

}  // namespace tagalign::agent
