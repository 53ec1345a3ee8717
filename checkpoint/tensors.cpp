#include "checkpoint/tensors.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/format.h"

namespace tagalign::checkpoint {
namespace {

struct DTypeRow {
  DType dtype;
  std::string_view name;
  std::size_t bytes;
};

constexpr std::array<DTypeRow, 8> kRows = {{{DType::kF32, "F32", 4},
                                            {DType::kF16, "F16", 2},
                                            {DType::kBF16, "BF16", 2},
                                            {DType::kF64, "F64", 8},
                                            {DType::kI64, "I64", 8},
                                            {DType::kI32, "I32", 4},
                                            {DType::kU8, "U8", 1},
                                            {DType::kBool, "BOOL", 1}}};

const DTypeRow& row_of(DType dtype) {
  for (const DTypeRow& row : kRows) {
    if (row.dtype == dtype) return row;
  }
  check_failed(__FILE__, __LINE__, "dtype", "not a value of DType");
}

}  // namespace

std::string_view dtype_name(DType dtype) {
  return row_of(dtype).name;
}

std::size_t dtype_bytes(DType dtype) {
  return row_of(dtype).bytes;
}

Result<DType> dtype_from_name(std::string_view name) {
  for (const DTypeRow& row : kRows) {
    if (row.name == name) return row.dtype;
  }
  return unsupported(
      format("tensor type '{}': expected F32, F16, BF16, F64, I64, I32, U8 or BOOL", name));
}

ByteBuffer::ByteBuffer(ByteSpan copied) : ByteBuffer(copied.size()) {
  if (!copied.empty()) std::memcpy(bytes_.get(), copied.data(), copied.size());
}

ByteBuffer::ByteBuffer(ByteBuffer&& other) noexcept
    : bytes_(std::move(other.bytes_)), size_(std::exchange(other.size_, 0)) {}

ByteBuffer& ByteBuffer::operator=(ByteBuffer&& other) noexcept {
  bytes_ = std::move(other.bytes_);
  size_ = std::exchange(other.size_, 0);
  return *this;
}

std::byte* ByteBuffer::release() {
  size_ = 0;
  return bytes_.release();
}

bool ByteBuffer::operator==(const ByteBuffer& other) const {
  return std::ranges::equal(span(), other.span());
}

}  // namespace tagalign::checkpoint
