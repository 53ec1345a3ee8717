#include <sys/mman.h>

#include <cstdlib>

#include "base/format.h"
#include "checkpoint/write/page_memory.h"

namespace tagalign::checkpoint {

Status PageMemory::hold(std::size_t bytes) {
  if (bytes <= size_) return ok_status();
  bytes_.reset();  // before there is more: never both at a time
  size_ = 0;
  constexpr std::size_t kHugePageBytes = 2 << 20;
  const std::size_t whole = (bytes + kHugePageBytes - 1) / kHugePageBytes * kHugePageBytes;
  bytes_.reset(static_cast<std::byte*>(std::aligned_alloc(kHugePageBytes, whole)));
  if (!bytes_) {
    return unavailable(format("hold {} bytes for the copy of a checkpoint: not enough memory; free "
                              "some, or let more ranks share the state",
                              bytes))
        .set_of_the_place(true);
  }
  // The first copy touches every page. A kernel that has no huge ones goes on with small ones.
  (void)::madvise(bytes_.get(), whole, MADV_HUGEPAGE);
  size_ = whole;
  return ok_status();
}

void PageMemory::touch() {
  constexpr std::size_t kPageBytes = 4096;
  for (std::size_t at = 0; at < size_; at += kPageBytes) {
    volatile std::byte& page = bytes_.get()[at];  // not to be optimised away
    page = std::byte{0};
  }
}

void PageMemory::Free::operator()(std::byte* bytes) const {
  std::free(bytes);
}

}  // namespace tagalign::checkpoint
