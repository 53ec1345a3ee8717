#include "checkpoint/write/shard_image.h"

#include <algorithm>
#include <cstring>
#include <future>
#include <thread>

#include "base/format.h"
#include "checkpoint/format/manifest.h"
#include "checkpoint/format/safetensors_header.h"
#include "checkpoint/read/in_order.h"
#include "checkpoint/write/stream_copy.h"

namespace tagalign::checkpoint {
namespace {

constexpr std::uint64_t kPieceBytes = 8 << 20;  ///< handed to the file system at a time

/// More than a few gain nothing: by then the memory is what they wait for. And a thread costs as much
/// as the copies of a few blocks do.
int copying_threads(std::size_t blocks) {
  constexpr std::size_t kThreadsMax = 4, kBlocksPerThread = 16;
  const std::size_t useful = 1 + blocks / kBlocksPerThread;
  const auto cores = std::max<std::size_t>(std::thread::hardware_concurrency(), 1);
  return static_cast<int>(std::min({useful, cores, kThreadsMax}));
}

HeaderEntry entry_of(const TensorView& tensor, const Slice& slice, std::uint64_t offset) {
  const std::uint64_t elements = *element_count(tensor.shape);
  const std::uint64_t count = slice.end - slice.begin;
  return {slice_name(tensor.name, slice.begin, slice.end, elements), tensor.dtype,
          count == elements ? tensor.shape : std::vector{static_cast<std::int64_t>(count)}, offset,
          offset + count * dtype_bytes(tensor.dtype)};
}

}  // namespace

void ShardImage::warm(std::uint64_t bytes) {
  if (memory_.hold(bytes).ok()) memory_.touch();
}

Status ShardImage::lay_out(const std::vector<TensorView>& laid, const std::vector<Slice>& slices) {
  TA_RETURN_IF_ERROR(encode(laid, slices));
  TA_RETURN_IF_ERROR(memory_.hold(bytes_));
  std::memcpy(memory_.data(), header_.data(), header_.size());
  return ok_status();
}

Status ShardImage::encode(const std::vector<TensorView>& laid, const std::vector<Slice>& slices) {
  Header header;
  parts_.clear();
  std::uint64_t offset = 0;
  for (const Slice& slice : slices) {
    const TensorView& tensor = laid[slice.tensor];
    header.entries.push_back(entry_of(tensor, slice, offset));
    offset = header.entries.back().end;
    parts_.push_back({tensor.name, tensor.dtype, tensor.shape, slice.begin, slice.end});
  }
  TA_ASSIGN_OR_RETURN(header_, encode_header(header, kDataAlignment));
  bytes_ = header_.size();
  blocks_.clear();
  for (const Slice& slice : slices) add_blocks(slice_bytes(laid[slice.tensor], slice));
  return ok_status();
}

void ShardImage::add_blocks(ByteSpan slice) {
  for (std::size_t at = 0; at < slice.size(); at += kBlockBytes) {
    const std::size_t bytes = std::min<std::size_t>(kBlockBytes, slice.size() - at);
    blocks_.push_back({slice.data() + at, bytes_, bytes});
    bytes_ += bytes;
  }
}

Status ShardImage::copy() {
  return each_in_order(blocks_.size(), copying_threads(blocks_.size()), [&](std::size_t i) {
    Block& block = blocks_[i];
    const ByteSpan live(block.live, block.bytes);
    block.digest = digest128(live);  // which brings it into the cache for the copy
    stream_copy(memory_.data() + block.at, live);
    return ok_status();
  });
}

ByteSpan ShardImage::span(std::uint64_t at, std::uint64_t bytes) const {
  return {memory_.data() + at, static_cast<std::size_t>(bytes)};
}

/// Those that begin at `begin` … `end`-1, so that pieces which meet check each block once.
Status ShardImage::check_blocks(std::uint64_t begin, std::uint64_t end) const {
  if (begin < header_.size() && std::memcmp(memory_.data(), header_.data(), header_.size()) != 0)
    return data_loss("the header's copy was changed before it was written; save again");
  for (auto block = std::ranges::lower_bound(blocks_, begin, {}, &Block::at);
       block != blocks_.end() && block->at < end; ++block) {
    const Digest128 found = digest128(span(block->at, block->bytes));
    if (found == block->digest) continue;
    return data_loss(format(
        "bytes {} to {} of the copy were changed before they were written: expected XXH3-128 "
        "{}, found {}; save again, and look at the machine's memory when it comes back",
        block->at, block->at + block->bytes - 1, block->digest.hex(), found.hex()));
  }
  return ok_status();
}

Status ShardImage::write(WritableFile& file, const std::stop_token& stop) const {
  // The next piece is checked while this one is on its way to the disk; where no thread is to be
  // had, it is get() that checks it.
  const auto check_from = [this](std::uint64_t at) {
    return std::async(std::launch::async | std::launch::deferred,
                      [this, at] { return check_blocks(at, at + kPieceBytes); });
  };
  std::future<Status> checked = check_from(0);
  for (std::uint64_t at = 0; at < bytes_; at += kPieceBytes) {
    TA_RETURN_IF_ERROR(checked.get());
    if (stop.stop_requested()) return cancelled("the save was given up while it was written");
    checked = check_from(at + kPieceBytes);
    TA_RETURN_IF_ERROR(file.append(span(at, std::min(kPieceBytes, bytes_ - at))));
  }
  return ok_status();
}

Digest128 ShardImage::digest() const {
  std::vector<Digest128> digests;
  digests.reserve(blocks_.size());
  for (const Block& block : blocks_) digests.push_back(block.digest);
  return shard_digest(header_, digests);
}

std::vector<SavedPart> ShardImage::parts() const {
  std::vector<SavedPart> parts = parts_;
  auto block = blocks_.begin();
  for (SavedPart& part : parts) {
    std::uint64_t left = (part.end - part.begin) * dtype_bytes(part.dtype);
    for (; left > 0; left -= block++->bytes) part.blocks.push_back(block->digest);
  }
  return parts;
}

}  // namespace tagalign::checkpoint
