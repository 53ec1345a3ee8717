#include "checkpoint/write/stream_copy.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#ifdef __x86_64__
#include <emmintrin.h>
#endif

namespace tagalign::checkpoint {
namespace {

constexpr std::size_t kLineBytes = 64;

void copy_plainly(std::byte*& target, ByteSpan& source, std::size_t bytes) {
  if (bytes > 0) std::memcpy(target, source.data(), bytes);
  target += bytes;
  source = source.subspan(bytes);
}

#ifdef __x86_64__
/// SSE2, which every x86-64 processor has. `target` is aligned to a line.
void stream_lines(std::byte*& target, ByteSpan& source) {
  for (; source.size() >= kLineBytes; source = source.subspan(kLineBytes), target += kLineBytes) {
    const auto* from = reinterpret_cast<const __m128i*>(source.data());
    auto* to = reinterpret_cast<__m128i*>(target);
    const __m128i words[] = {_mm_loadu_si128(from), _mm_loadu_si128(from + 1),
                             _mm_loadu_si128(from + 2), _mm_loadu_si128(from + 3)};
    for (int i = 0; i < 4; ++i) _mm_stream_si128(to + i, words[i]);
  }
  _mm_sfence();  // such stores are ordered with no others
}
#else
void stream_lines(std::byte*& target, ByteSpan& source) {
  copy_plainly(target, source, source.size());
}
#endif

}  // namespace

void stream_copy(std::byte* target, ByteSpan source) {
  const std::size_t beyond = reinterpret_cast<std::uintptr_t>(target) % kLineBytes;
  copy_plainly(target, source, std::min((kLineBytes - beyond) % kLineBytes, source.size()));
  stream_lines(target, source);
  copy_plainly(target, source, source.size());
}

}  // namespace tagalign::checkpoint
