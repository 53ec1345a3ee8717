/// What one rank writes in one save: its shard's file as bytes in memory.
///
/// Order    lay_out(), copy(), then write() and the rest.
/// Truth    each block's digest is taken from the tensor itself while it is copied; write() takes it
///          again from the copy. What differs was changed in between: by somebody who wrote into a
///          tensor too early, or by the machine.
/// Memory   one copy of the shard, kept from save to save.
/// Threads  copy() uses a few of its own and returns when they are done; one caller at a time.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "base/checksum.h"
#include "base/file_system.h"
#include "base/status.h"
#include "checkpoint/format/shard_plan.h"
#include "checkpoint/tensors.h"
#include "checkpoint/write/page_memory.h"

namespace tagalign::checkpoint {

/// Elements begin … end-1 of a tensor, as one rank has copied them.
struct SavedPart {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<std::int64_t> shape;  ///< of the whole tensor
  std::uint64_t begin = 0;
  std::uint64_t end = 0;  ///< equal to `begin`: nothing of it
  std::vector<Digest128> blocks = {};
};

class ShardImage {
 public:
  /// Takes and touches memory for an image of so many bytes; where there is not enough, it is
  /// lay_out() that says so.
  void warm(std::uint64_t bytes);
  /// What copy() shall copy: the `slices` of `laid`, both in laying order. kInvalidArgument for names
  /// that no header can hold, kUnavailable for want of memory.
  Status lay_out(const std::vector<TensorView>& laid, const std::vector<Slice>& slices);
  Status copy();

  /// Appends all bytes to `file`; kDataLoss before the first that are not what copy() saw, kCancelled
  /// when `stop` is asked for.
  Status write(WritableFile& file, const std::stop_token& stop) const;

  std::uint64_t bytes() const { return bytes_; }
  /// Of the shard, as its manifest says it.
  Digest128 digest() const;
  /// One of each slice, in its order.
  std::vector<SavedPart> parts() const;
  /// For a test of write(): the copy itself.
  std::byte* data() { return memory_.data(); }

 private:
  struct Block {
    const std::byte* live = nullptr;  ///< dangles after copy()
    std::uint64_t at = 0;             ///< in the image
    std::size_t bytes = 0;
    Digest128 digest = {};
  };

  Status encode(const std::vector<TensorView>& laid, const std::vector<Slice>& slices);
  void add_blocks(ByteSpan slice);
  Status check_blocks(std::uint64_t begin, std::uint64_t end) const;
  ByteSpan span(std::uint64_t at, std::uint64_t bytes) const;

  std::string header_;
  std::vector<SavedPart> parts_;  ///< without their blocks
  std::vector<Block> blocks_;     ///< ascending
  std::uint64_t bytes_ = 0;
  PageMemory memory_;
};

}  // namespace tagalign::checkpoint
