/// Work on several threads, each of which sees Torch as its caller does.
#pragma once

#include <functional>

namespace tagalign::model {

/// From now on an operation of Torch runs on the thread that calls it, in the whole process: its
/// bits then do not depend on a number of threads.
void keep_torch_on_calling_threads();

/// Calls work(0 … threads-1), each on a thread of its own (the first on the caller's) under the
/// caller's grad mode and autocast, and returns when all have. The first exception in the order of
/// the indices is thrown again.
void on_threads(int threads, const std::function<void(int thread)>& work);

}  // namespace tagalign::model
