/// Tensors as checkpoints see them: names, types, shapes and bytes, little-endian and row-major.
/// Free of Torch (tensor_adapter.h converts).
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.h"
#include "base/status.h"

namespace tagalign::checkpoint {

enum class DType : std::uint8_t { kF32, kF16, kBF16, kF64, kI64, kI32, kU8, kBool };
std::string_view dtype_name(DType dtype);  ///< as safetensors writes it: "F32"
Result<DType> dtype_from_name(std::string_view name);
std::size_t dtype_bytes(DType dtype);

/// A tensor, or the part of one that this rank has, that somebody else owns.
struct TensorView {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<std::int64_t> shape;  ///< of the whole tensor
  ByteSpan bytes;                   ///< its elements from `begin` on
  /// Flattened index of the first element in `bytes`. A view that does not hold the whole tensor is
  /// sharded: each rank saves its own, and those of all ranks must make up the tensor.
  std::uint64_t begin = 0;
  /// Set for a tensor whose parts lie with several ranks, or the view of the one rank that happens to
  /// hold all of it would be taken for a tensor that every rank holds.
  bool sharded = false;
};

/// Bytes of one owner, aligned to 64, not filled when they are made: what is read from a file is
/// written into them once.
class ByteBuffer {
 public:
  ByteBuffer() = default;
  explicit ByteBuffer(std::size_t size);
  explicit ByteBuffer(ByteSpan copied);
  ByteBuffer(ByteBuffer&& other) noexcept;
  ByteBuffer& operator=(ByteBuffer&& other) noexcept;

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  std::byte* data() { return bytes_.get(); }
  const std::byte* data() const { return bytes_.get(); }
  std::span<std::byte> span() { return {data(), size_}; }
  ByteSpan span() const { return {data(), size_}; }
  operator ByteSpan() const { return span(); }
  /// The memory itself, for an owner that frees it with std::free(); the buffer is empty then.
  std::byte* release();

  bool operator==(const ByteBuffer& other) const;

 private:
  struct Free {
    void operator()(std::byte* bytes) const;
  };
  std::unique_ptr<std::byte[], Free> bytes_;
  std::size_t size_ = 0;
};

/// A tensor, or the elements of one that were asked for, with its own bytes.
struct TensorData {
  DType dtype = DType::kF32;
  std::vector<std::int64_t> shape;  ///< of the whole tensor
  ByteBuffer bytes;
  std::uint64_t begin = 0;  ///< flattened index of the first element in `bytes`
};
using TensorMap = std::map<std::string, TensorData>;

}  // namespace tagalign::checkpoint
