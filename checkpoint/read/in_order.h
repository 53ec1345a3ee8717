/// Work of many parts by a few threads, whose outcome does not depend on who was faster.
#pragma once

#include <cstddef>
#include <functional>

#include "base/status.h"

namespace tagalign::checkpoint {

/// Calls `body` once for each number below `count`, on up to `threads` threads, of which the caller's
/// is one. Numbers are begun in ascending order, and none after one has failed: the error that is
/// returned is that of the smallest number that has one, in every run.
Status each_in_order(std::size_t count, int threads,
                     const std::function<Status(std::size_t)>& body);

}  // namespace tagalign::checkpoint
