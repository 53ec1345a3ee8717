/// The names of a data set's classes: the one reading of classes.txt, for evaluation, check and converter.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.h"
#include "base/status.h"

namespace tagalign::data {

/// One class a line, "name;synonym" is one class; lines end in LF, CRLF or CR, and blanks around them,
/// a mark at the start and empty lines at the end do not count. kInvalidArgument names file and line:
/// no UTF-8, an empty line between classes (it would shift the ids behind it), what
/// check_class_names() refuses, no class at all.
Result<std::vector<std::string>> read_classes(FileSystem& files, const Path& path);

/// kInvalidArgument for a class with a name that says nothing: each needs a letter or a digit, also
/// every synonym, and holds no control character. `where` begins the message and is followed by the
/// place in the list, from 1: "read classes t.txt:3".
Status check_class_names(const std::vector<std::string>& classes, std::string_view where);

/// Classes whose whole name comes twice: of those, an evaluation can predict the first alone.
std::vector<std::string> repeated_classes(const std::vector<std::string>& classes);

}  // namespace tagalign::data
