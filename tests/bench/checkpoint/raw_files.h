/// The least that writing and reading so many bytes can cost: what
/// checkpoints are measured against.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/file_system.h"
#include "base/status.h"

namespace tagalign::bench {

inline constexpr std::uint64_t kPage = 4096;

/// Memory of whole pages, filled with what nothing compresses; shared with
/// children until one writes.
class State {
 public:
  explicit State(std::uint64_t bytes);
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State();
  ByteSpan bytes() const { return {memory_, size_}; }
  std::uint64_t size() const { return size_; }

 private:
  std::byte* memory_ = nullptr;
  std::uint64_t size_ = 0;
};

/// New, synced; past the page cache if `direct`, for which bytes are whole pages.
Status write_file(const Path& path, ByteSpan bytes, bool direct);
/// All files of a folder into memory that is not filled before, by so many threads.
Status read_files(const Path& folder, int threads);
/// Below `folder`, from the page cache.
Status forget(const Path& folder);

}  // namespace tagalign::bench
