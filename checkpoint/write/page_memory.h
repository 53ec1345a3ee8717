/// Memory for the copy of a shard: large, aligned to pages, and kept from save to save.
#pragma once

#include <cstddef>
#include <memory>

#include "base/status.h"

namespace tagalign::checkpoint {

class PageMemory {
 public:
  /// At least `bytes`; what was there is lost. Memory is given back only with the object, or for more:
  /// pages that were touched once cost nothing the next time. kUnavailable when there is not so much.
  Status hold(std::size_t bytes);
  /// Writes to every page, so that the kernel finds it now and not when it is needed.
  void touch();
  std::byte* data() const { return bytes_.get(); }

 private:
  struct Free {
    void operator()(std::byte* bytes) const;
  };
  std::unique_ptr<std::byte, Free> bytes_;
  std::size_t size_ = 0;
};

}  // namespace tagalign::checkpoint
