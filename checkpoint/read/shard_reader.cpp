#include "checkpoint/read/shard_reader.h"

#include <algorithm>
#include <cstring>

#include "base/format.h"
#include "checkpoint/format/safetensors_header.h"

namespace tagalign::checkpoint {
namespace {

/// A turn's blocks stay in the processor's cache between reading and hashing only one by one; a turn
/// is long enough for the kernel to read ahead of it.
constexpr std::uint64_t kBlocksPerTurn = 8;

std::uint64_t blocks_of(std::uint64_t bytes) {
  return (bytes + kBlockBytes - 1) / kBlockBytes;
}

Status differs(const std::string& tensor, std::uint64_t begin, std::uint64_t end,
               const Digest128& expected, const Digest128& found) {
  return data_loss(
      format("tensor '{}', bytes {} to {} of the file: expected XXH3-128 {}, found "
             "{}; put the file back from a copy, or use another checkpoint",
             tensor, begin, end, expected.hex(), found.hex()));
}

/// Bytes begin … end-1 of a slice, straight to where they go, or by way of `scratch`, out of which
/// hand_out() copies what of them is wanted.
class Passage {
 public:
  Passage(const SlicePlan& plan, std::uint64_t begin, std::uint64_t end, ByteBuffer& scratch)
      : plan_(plan), begin_(begin) {
    const std::size_t bytes = end - begin;
    direct_ = plan.target != nullptr && begin >= plan.begin && end <= plan.end;
    if (!direct_ && scratch.size() < bytes) scratch = ByteBuffer(kBlockBytes);
    bytes_ = direct_ ? std::span(plan.target + (begin - plan.begin), bytes)
                     : scratch.span().first(bytes);
  }
  std::span<std::byte> bytes() const { return bytes_; }
  void hand_out() const {
    if (direct_ || plan_.target == nullptr) return;
    const std::uint64_t begin = std::max(begin_, plan_.begin);
    const std::uint64_t end = std::min(begin_ + bytes_.size(), plan_.end);
    if (begin >= end) return;
    std::memcpy(plan_.target + (begin - plan_.begin), bytes_.data() + (begin - begin_),
                end - begin);
  }

 private:
  const SlicePlan& plan_;
  const std::uint64_t begin_;
  bool direct_ = false;
  std::span<std::byte> bytes_;
};

Status check_entry(const HeaderEntry& entry, const SlicePlan& plan) {
  const DType dtype = plan.tensor->dtype;
  const std::uint64_t bytes = entry.end - entry.begin;
  if (entry.dtype == dtype && bytes == plan.bytes) return ok_status();
  return data_loss(format("tensor '{}': expected {} bytes of {}, found {} of {}", entry.name,
                          plan.bytes, dtype_name(dtype), bytes, dtype_name(entry.dtype)));
}

}  // namespace

Status ShardReader::match(const LocatedHeader& header) {
  const std::size_t found = header.header.entries.size() + header.header.not_read.size();
  if (found != plan_.size())
    return data_loss(format("expected {} tensors, found {}", plan_.size(), found));
  if (!header.header.not_read.empty()) {
    const UnreadEntry& entry = header.header.not_read[0];
    return data_loss(
        format("tensor '{}' is of the type {}, which no checkpoint has", entry.name, entry.type));
  }
  for (const HeaderEntry& entry : header.header.entries) {
    const auto plan = plan_.find(entry.name);
    if (plan == plan_.end())
      return data_loss(format("tensor '{}' is not in the manifest", entry.name));
    TA_RETURN_IF_ERROR(check_entry(entry, plan->second));
    located_.push_back({&plan->second, header.data_start + entry.begin});
  }
  return ok_status();
}

Status ShardReader::check_header(const std::string& header) const {
  std::vector<Digest128> blocks;
  for (const Located& located : located_) {
    const SliceRecord& slice = *located.plan->slice;
    TA_CHECK(slice.blocks.size() == blocks_of(located.plan->bytes), "as decode_manifest() says");
    blocks.insert(blocks.end(), slice.blocks.begin(), slice.blocks.end());
  }
  const Digest128 found = shard_digest(header, blocks);
  if (found == record_.digest) return ok_status();
  return data_loss(
      format("header, bytes 0 to {} of the file: expected XXH3-128 {}, found {}; put the file back "
             "from a copy, or use another checkpoint",
             header.size() - 1, record_.digest.hex(), found.hex()));
}

void ShardReader::divide() {
  for (std::size_t slice = 0; slice < located_.size(); ++slice) {
    const SlicePlan& plan = *located_[slice].plan;
    if (!plan.is_read()) continue;
    const std::uint64_t end = blocks_of(plan.end);
    for (std::uint64_t first = plan.begin / kBlockBytes; first < end; first += kBlocksPerTurn)
      turns_.push_back({slice, first, std::min(first + kBlocksPerTurn, end)});
  }
}

Status ShardReader::locate(int version) {
  const bool needed =
      std::ranges::any_of(plan_, [](const auto& entry) { return entry.second.is_read(); });
  // A shard without elements has a digest of its own to be checked.
  if (!needed && !plan_.empty()) return ok_status();
  TA_ASSIGN_OR_RETURN(LocatedHeader header, read_header(files_, path_));
  TA_RETURN_IF_ERROR(match(header));
  if (version == 1) {
    header_ = std::move(header.bytes);
    return ok_status();
  }
  TA_RETURN_IF_ERROR(check_header(header.bytes));
  divide();
  return ok_status();
}

/// A checkpoint may have more shards than a process may open files.
Result<std::shared_ptr<const ReadableFile>> ShardReader::open() {
  const std::lock_guard lock(mutex_);
  if (!file_) {
    TA_ASSIGN_OR_RETURN(file_, files_.open_file(path_));
  }
  return file_;
}

void ShardReader::turn_done() {
  const std::lock_guard lock(mutex_);
  if (++turns_done_ == turns_.size()) file_.reset();
}

Status ShardReader::read_block(const ReadableFile& file, const Located& located,
                               std::uint64_t block, ByteBuffer& scratch) const {
  const SlicePlan& plan = *located.plan;
  const std::uint64_t begin = block * kBlockBytes;
  const std::uint64_t end = std::min(begin + kBlockBytes, plan.bytes);
  const Passage passage(plan, begin, end, scratch);
  TA_RETURN_IF_ERROR(file.read(located.offset + begin, passage.bytes()));
  const Digest128 found = digest128(passage.bytes());
  const Digest128& expected = plan.slice->blocks[block];
  if (found != expected) {
    return differs(plan.tensor->name, located.offset + begin, located.offset + end - 1, expected,
                   found);
  }
  passage.hand_out();
  return ok_status();
}

Status ShardReader::read_turn(std::size_t turn) {
  TA_ASSIGN_OR_RETURN(const auto file, open());
  const auto& [slice, first, last] = turns_[turn];
  ByteBuffer scratch;
  for (std::uint64_t block = first; block < last; ++block)
    TA_RETURN_IF_ERROR(read_block(*file, located_[slice], block, scratch));
  turn_done();
  return ok_status();
}

Status ShardReader::read_whole() {
  if (header_.empty()) return ok_status();
  TA_ASSIGN_OR_RETURN(const auto file, open());
  Hasher128 hasher;
  hasher.update(header_);
  ByteBuffer scratch;
  for (const Located& located : located_) {
    const std::uint64_t bytes = located.plan->bytes;
    for (std::uint64_t begin = 0; begin < bytes; begin += kBlockBytes) {
      const Passage passage(*located.plan, begin, std::min(begin + kBlockBytes, bytes), scratch);
      TA_RETURN_IF_ERROR(file->read(located.offset + begin, passage.bytes()));
      hasher.update(passage.bytes());
      passage.hand_out();
    }
  }
  file_.reset();
  const Digest128 found = hasher.digest();
  if (found == record_.digest) return ok_status();
  return data_loss(
      format("expected XXH3-128 {} of the file, found {}; put the file back from a "
             "copy, or use another checkpoint",
             record_.digest.hex(), found.hex()));
}

}  // namespace tagalign::checkpoint
