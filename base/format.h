/// One spelling for text formatting: tagalign::format is fmt's.
#pragma once

#include <fmt/format.h>

namespace tagalign {
using fmt::format;
}  // namespace tagalign
