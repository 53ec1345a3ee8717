#include "base/checksum.h"

#include <fmt/format.h>
#include <xxhash.h>
#if defined(__x86_64__) && __has_include(<xxh_x86dispatch.h>)
// The library as packaged keeps to SSE2 unless it is asked to look at the processor: the same
// digests, at five times the speed where there is AVX-512.
#include <xxh_x86dispatch.h>
#endif

#include <algorithm>
#include <charconv>
#include <vector>

namespace tagalign {
namespace {

Digest128 from_xxh(XXH128_hash_t hash) {
  return {hash.high64, hash.low64};
}

bool parse_hex64(std::string_view text, std::uint64_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return error == std::errc{} && end == text.data() + text.size();
}

}  // namespace

std::string Digest128::hex() const {
  return fmt::format("{:016x}{:016x}", high, low);
}

Result<Digest128> Digest128::from_hex(std::string_view text) {
  Digest128 digest;
  if (text.size() != 32 || !parse_hex64(text.substr(0, 16), digest.high) ||
      !parse_hex64(text.substr(16), digest.low)) {
    return invalid_argument(fmt::format("digest '{}': expected 32 hexadecimal digits", text));
  }
  return digest;
}

Digest128 digest128(ByteSpan bytes) {
  return from_xxh(XXH3_128bits(bytes.data(), bytes.size()));
}
std::uint64_t digest64(ByteSpan bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

struct Hasher128::State {
  XXH3_state_t* xxh = XXH3_createState();
  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { XXH3_freeState(xxh); }
};

Hasher128::Hasher128() : state_(std::make_unique<State>()) {
  TA_CHECK(state_->xxh != nullptr, "out of memory");
  XXH3_128bits_reset(state_->xxh);
}
Hasher128::~Hasher128() = default;
Hasher128::Hasher128(Hasher128&&) noexcept = default;
Hasher128& Hasher128::operator=(Hasher128&&) noexcept = default;

void Hasher128::update(ByteSpan bytes) {
  XXH3_128bits_update(state_->xxh, bytes.data(), bytes.size());
}
Digest128 Hasher128::digest() const {
  return from_xxh(XXH3_128bits_digest(state_->xxh));
}

Result<Digest128> digest_file(FileSystem& files, const Path& path) {
  TA_ASSIGN_OR_RETURN(const std::uint64_t size, files.file_size(path));
  constexpr std::uint64_t kBlockBytes = 4u << 20;
  std::vector<std::byte> block(std::min(size, kBlockBytes));
  Hasher128 hasher;
  for (std::uint64_t offset = 0; offset < size; offset += kBlockBytes) {
    const auto part = std::span(block).first(std::min(kBlockBytes, size - offset));
    TA_RETURN_IF_ERROR(files.read_range(path, offset, part));
    hasher.update(part);
  }
  return hasher.digest();
}

}  // namespace tagalign
