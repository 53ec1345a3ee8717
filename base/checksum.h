/// XXH3 digests. They find damage, not malice: 128 bits for files and content keys,
/// 64 bits for frames.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/file_system.h"
#include "base/status.h"

namespace tagalign {

struct Digest128 {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  auto operator<=>(const Digest128&) const = default;
  /// 32 lower-case hexadecimal digits, as xxh128sum prints them.
  std::string hex() const;
  static Result<Digest128> from_hex(std::string_view text);
};

Digest128 digest128(ByteSpan bytes);
std::uint64_t digest64(ByteSpan bytes);

/// Incremental form. Not safe from several threads.
class Hasher128 {
 public:
  Hasher128();
  ~Hasher128();
  Hasher128(Hasher128&&) noexcept;
  Hasher128& operator=(Hasher128&&) noexcept;

  void update(ByteSpan bytes);
  void update(std::string_view text) { update(as_bytes(text)); }
  Digest128 digest() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Digest of a whole file, read in blocks.
Result<Digest128> digest_file(FileSystem& files, const Path& path);

}  // namespace tagalign
