#include "model/torch_threads.h"

#include <ATen/Parallel.h>
#include <ATen/ThreadLocalState.h>

#include <exception>
#include <thread>
#include <vector>

#include "base/status.h"

namespace tagalign::model {

void keep_torch_on_calling_threads() {
  at::set_num_threads(1);
}

void on_threads(int threads, const std::function<void(int)>& work) {
  TA_CHECK(threads > 0, "a thread");
  const at::ThreadLocalState state;
  std::vector<std::exception_ptr> errors(static_cast<std::size_t>(threads));
  const auto run = [&](int thread) {
    try {
      work(thread);
    } catch (...) {
      errors[static_cast<std::size_t>(thread)] = std::current_exception();
    }
  };
  {
    std::vector<std::jthread> helpers;
    for (int i = 1; i < threads; ++i) {
      helpers.emplace_back([&, i] {
        at::init_num_threads();
        const at::ThreadLocalStateGuard guard(state);
        run(i);
      });
    }
    run(0);
  }
  for (const std::exception_ptr& error : errors) {
    if (error) std::rethrow_exception(error);
  }
}

}  // namespace tagalign::model
