#include "data/sources/files/record_file.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/format.h"

namespace tagalign::data {
namespace {

static_assert(std::endian::native == std::endian::little, "record files are little-endian");

constexpr std::string_view kMagic = "TAGRECS\n";
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kHeaderBytes = 16;
constexpr std::size_t kBufferBytes = 4u << 20;
constexpr std::size_t kEndsAtOnce = 1u << 16;

struct Footer {
  std::uint64_t offsets_at;
  std::uint64_t count;
  std::uint64_t meta_at;
  std::uint64_t meta_bytes;
  std::uint64_t digest_high;
  std::uint64_t digest_low;
};
constexpr std::size_t kDigestBytes = 16;

template <class T>
T load(std::string_view bytes, std::uint64_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

template <class T>
std::string_view bytes_of(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

}  // namespace

Result<RecordFile> RecordFile::open(const Path& path, RecordFileKind kind) {
  RecordFile file;
  TA_ASSIGN_OR_RETURN(file.mapped_, MappedFile::open(path));
  file.bytes_ = file.mapped_->text();
  TA_RETURN_IF_ERROR(file.parse(kind, path.string()));
  return file;
}

Result<RecordFile> RecordFile::from_bytes(std::string bytes, RecordFileKind kind) {
  RecordFile file;
  file.owned_ = std::make_shared<const std::string>(std::move(bytes));
  file.bytes_ = *file.owned_;
  TA_RETURN_IF_ERROR(file.parse(kind, "records in memory"));
  return file;
}

Status RecordFile::parse(RecordFileKind kind, const std::string& name) {
  const auto broken = [&](const std::string& found) {
    return data_loss(format(
        "open {}: expected a record file, found {}; remove it, it is made again", name, found));
  };
  if (bytes_.size() < kHeaderBytes + sizeof(Footer) || !bytes_.starts_with(kMagic))
    return broken("other bytes");
  const auto version = load<std::uint32_t>(bytes_, kMagic.size());
  if (version != kVersion) {
    return unsupported(format("open {}: format {} of record files, this program knows {}", name,
                              version, kVersion));
  }
  const auto footer = load<Footer>(bytes_, bytes_.size() - sizeof(Footer));
  const Digest128 digest = digest128(as_bytes(bytes_.substr(0, bytes_.size() - kDigestBytes)));
  if (digest != Digest128{footer.digest_high, footer.digest_low}) return broken("another sum");
  if (load<std::uint32_t>(bytes_, kMagic.size() + 4) != static_cast<std::uint32_t>(kind))
    return broken("records of another kind");
  const std::uint64_t end = bytes_.size() - sizeof(Footer);
  if (footer.offsets_at > end || footer.count > (end - footer.offsets_at) / 8 ||
      footer.meta_at > end || footer.meta_bytes > end - footer.meta_at)
    return broken("places outside of the file");
  offsets_at_ = footer.offsets_at;
  count_ = footer.count;
  meta_ = bytes_.substr(footer.meta_at, footer.meta_bytes);
  return ok_status();
}

std::string_view RecordFile::record(std::size_t index) const {
  TA_CHECK(index < count_, "record out of range");
  const auto end = load<std::uint64_t>(bytes_, offsets_at_ + index * 8);
  const auto begin =
      index == 0 ? kHeaderBytes : load<std::uint64_t>(bytes_, offsets_at_ + (index - 1) * 8);
  TA_CHECK(begin <= end && end <= offsets_at_, "a record file with a true sum and false places");
  return bytes_.substr(begin, end - begin);
}

RecordFileWriter::RecordFileWriter(FileSystem& files, RecordFileKind kind, RecordFileTarget target)
    : files_(files), kind_(kind), target_(std::move(target)) {
  buffer_ = kMagic;
  buffer_ += bytes_of(kVersion);
  buffer_ += bytes_of(static_cast<std::uint32_t>(kind));
  written_ = buffer_.size();
}

RecordFileWriter::~RecordFileWriter() {
  file_.reset();
  if (!unfinished_.empty()) (void)files_.remove_all(unfinished_);
}

Status RecordFileWriter::add(std::initializer_list<std::string_view> parts) {
  for (const std::string_view part : parts) TA_RETURN_IF_ERROR(append(part));
  ends_.push_back(written_);
  return ok_status();
}

Status RecordFileWriter::append(std::string_view bytes) {
  buffer_ += bytes;
  written_ += bytes.size();
  const std::size_t bytes_max = file_ != nullptr ? kBufferBytes : target_.memory_bytes_max;
  if (buffer_.size() < bytes_max) return ok_status();
  return spill();
}

/// Sends the buffer to the disk.
Status RecordFileWriter::spill() {
  if (file_ == nullptr) {
    if (target_.file.empty() && target_.find_file) target_.file = target_.find_file();
    const Path goal = target_.file.empty() ? target_.scratch / "records" : target_.file;
    unfinished_ = unfinished_name(goal);
    TA_ASSIGN_OR_RETURN(file_, files_.create_file(unfinished_));
  }
  hasher_.update(buffer_);
  TA_RETURN_IF_ERROR(file_->append(as_bytes(buffer_)));
  buffer_.clear();
  if (buffer_.capacity() > 2 * kBufferBytes) buffer_.shrink_to_fit();
  return ok_status();
}

Status RecordFileWriter::append_tail(std::string_view meta) {
  Footer footer{};
  TA_RETURN_IF_ERROR(append(std::string((8 - written_ % 8) % 8, '\0')));
  footer.offsets_at = written_;
  footer.count = ends_.size();
  for (std::size_t i = 0; i < ends_.size(); i += kEndsAtOnce) {
    const std::size_t count = std::min(kEndsAtOnce, ends_.size() - i);
    TA_RETURN_IF_ERROR(append({reinterpret_cast<const char*>(ends_.data() + i), count * 8}));
  }
  footer.meta_at = written_;
  footer.meta_bytes = meta.size();
  TA_RETURN_IF_ERROR(append(meta));
  TA_RETURN_IF_ERROR(append(bytes_of(footer).substr(0, sizeof footer - kDigestBytes)));
  if (file_ != nullptr) TA_RETURN_IF_ERROR(spill());
  if (file_ == nullptr) hasher_.update(buffer_);
  const Digest128 digest = hasher_.digest();
  buffer_ += bytes_of(digest.high);
  buffer_ += bytes_of(digest.low);
  return ok_status();
}

Result<RecordFile> RecordFileWriter::finish(std::string_view meta) {
  TA_RETURN_IF_ERROR(append_tail(meta));
  ends_ = {};
  if (file_ != nullptr) return adopt();
  if (!target_.file.empty()) {
    TA_RETURN_IF_ERROR(files_.write_durable(target_.file, buffer_));
    return RecordFile::open(target_.file, kind_);
  }
  return RecordFile::from_bytes(std::move(buffer_), kind_);
}

/// Closes what lies on the disk and opens it, under its name or under none.
Result<RecordFile> RecordFileWriter::adopt() {
  TA_RETURN_IF_ERROR(spill());
  if (!target_.file.empty()) TA_RETURN_IF_ERROR(file_->sync());
  TA_RETURN_IF_ERROR(file_->close());
  file_.reset();
  if (target_.file.empty()) return RecordFile::open(unfinished_, kind_);  // removed behind it
  TA_RETURN_IF_ERROR(files_.rename_durable(unfinished_, target_.file));
  unfinished_.clear();
  return RecordFile::open(target_.file, kind_);
}

}  // namespace tagalign::data
