#include <sys/mman.h>

#include <cstdlib>
#include <new>

#include "checkpoint/tensors.h"

namespace tagalign::checkpoint {
namespace {

constexpr std::size_t kHugePageBytes = 2 << 20;

std::byte* allocate(std::size_t bytes, std::size_t alignment) {
  const std::size_t whole = (bytes + alignment - 1) / alignment * alignment;  // as the call demands
  auto* memory = static_cast<std::byte*>(std::aligned_alloc(alignment, whole));
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

/// To touch memory for the first time costs more than to verify what is read into it, page by page;
/// of huge pages there are few. What they do not fill stays of small ones, which cost no memory
/// until they are touched.
ByteBuffer::ByteBuffer(std::size_t size) : size_(size) {
  constexpr std::size_t kAlignment = 64;
  if (size == 0) return;
  const bool large = size >= 2 * kHugePageBytes;
  bytes_.reset(allocate(size, large ? kHugePageBytes : kAlignment));
  // A kernel that has no huge pages goes on with small ones.
  if (large) (void)::madvise(bytes_.get(), size / kHugePageBytes * kHugePageBytes, MADV_HUGEPAGE);
}

void ByteBuffer::Free::operator()(std::byte* bytes) const {
  std::free(bytes);
}

}  // namespace tagalign::checkpoint
