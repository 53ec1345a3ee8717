#include "model/files/zip_reader.h"

#include <zip.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/format.h"
#include "model/files/pickle.h"

namespace tagalign::model {
namespace {

constexpr std::uint64_t kDirectoryEntryBytes = 46;  // the least that a directory entry takes
constexpr std::uint64_t kTailBytesMax =
    65'557 + 20;  // end record with its comment, and the locator
constexpr std::string_view kLocatorMark = "PK\x06\x07";
constexpr std::string_view kEndMark64 = "PK\x06\x06";

/// What libzip reads through: a position in a ByteSource.
struct Cursor {
  ByteSource source;
  std::uint64_t at = 0;
  Status failure;  ///< of the last read
  zip_error_t error = {};
};

zip_int64_t read_some(Cursor& cursor, void* data, zip_uint64_t length) {
  const std::uint64_t count = std::min<std::uint64_t>(length, cursor.source.size - cursor.at);
  if (count == 0) return 0;
  cursor.failure = cursor.source.read(
      cursor.at, {static_cast<std::byte*>(data), static_cast<std::size_t>(count)});
  if (!cursor.failure.ok()) {
    zip_error_set(&cursor.error, ZIP_ER_READ, 0);
    return -1;
  }
  cursor.at += count;
  return static_cast<zip_int64_t>(count);
}

zip_int64_t seek(Cursor& cursor, void* data, zip_uint64_t length) {
  const auto target =
      zip_source_seek_compute_offset(cursor.at, cursor.source.size, data, length, &cursor.error);
  if (target < 0) return -1;
  cursor.at = static_cast<std::uint64_t>(target);
  return 0;
}

zip_int64_t describe(const Cursor& cursor, void* data, zip_uint64_t length) {
  if (length < sizeof(zip_stat_t)) return -1;
  auto* info = static_cast<zip_stat_t*>(data);
  zip_stat_init(info);
  info->size = cursor.source.size;
  info->valid = ZIP_STAT_SIZE;
  return static_cast<zip_int64_t>(sizeof(zip_stat_t));
}

zip_int64_t serve(void* user, void* data, zip_uint64_t length, zip_source_cmd_t command) {
  auto& cursor = *static_cast<Cursor*>(user);
  switch (command) {
    case ZIP_SOURCE_OPEN:
      cursor.at = 0;
      return 0;
    case ZIP_SOURCE_READ:
      return read_some(cursor, data, length);
    case ZIP_SOURCE_SEEK:
      return seek(cursor, data, length);
    case ZIP_SOURCE_TELL:
      return static_cast<zip_int64_t>(cursor.at);
    case ZIP_SOURCE_STAT:
      return describe(cursor, data, length);
    case ZIP_SOURCE_ERROR:
      return zip_error_to_data(&cursor.error, data, length);
    case ZIP_SOURCE_CLOSE:
    case ZIP_SOURCE_FREE:
      return 0;
    case ZIP_SOURCE_SUPPORTS:
      return ZIP_SOURCE_SUPPORTS_SEEKABLE;
    default:
      zip_error_set(&cursor.error, ZIP_ER_OPNOTSUPP, 0);
      return -1;
  }
}

std::uint64_t little_endian64(const std::byte* bytes) {
  std::uint64_t value = 0;
  std::memcpy(&value, bytes, sizeof(value));
  return value;
}

/// libzip makes room for as many entries as the 64-bit end record announces, before it reads one.
Status check_announced_entries(const ByteSource& source) {
  constexpr std::uint64_t kEndRecordBytes = 56, kEntriesAt = 24, kOffsetAt = 8;
  const std::uint64_t tail_bytes = std::min(source.size, kTailBytesMax);
  std::string tail(tail_bytes, '\0');
  TA_RETURN_IF_ERROR(
      source.read(source.size - tail_bytes, std::as_writable_bytes(std::span(tail))));
  for (auto at = tail.find(kLocatorMark); at != std::string::npos;
       at = tail.find(kLocatorMark, at + 1)) {
    if (tail.size() - at < kOffsetAt + sizeof(std::uint64_t)) break;
    const auto record = little_endian64(std::as_bytes(std::span(tail)).data() + at + kOffsetAt);
    if (source.size < kEndRecordBytes || record > source.size - kEndRecordBytes) continue;
    std::byte end[kEndRecordBytes];
    TA_RETURN_IF_ERROR(source.read(record, end));
    if (std::memcmp(end, kEndMark64.data(), kEndMark64.size()) != 0) continue;
    for (const std::uint64_t field : {kEntriesAt, kEntriesAt + sizeof(std::uint64_t)}) {
      const auto count = little_endian64(end + field);
      if (count > source.size / kDirectoryEntryBytes)
        return data_loss(
            format("the directory announces {} entries in {} bytes", count, source.size));
    }
  }
  return ok_status();
}

struct FileCloser {
  void operator()(zip_file_t* file) const { zip_fclose(file); }
};

}  // namespace

struct ZipReader::Archive {
  Cursor cursor;
  zip_t* handle = nullptr;
};

void ZipReader::Closer::operator()(Archive* archive) const {
  if (archive->handle != nullptr) zip_discard(archive->handle);
  zip_error_fini(&archive->cursor.error);
  delete archive;
}

ByteSource memory_source(ByteSpan bytes) {
  return {.size = bytes.size(),
          .read = [bytes](std::uint64_t offset, std::span<std::byte> target) -> Status {
            if (offset > bytes.size() || target.size() > bytes.size() - offset)
              return data_loss("read behind the end");
            if (!target.empty()) std::memcpy(target.data(), bytes.data() + offset, target.size());
            return ok_status();
          }};
}

Result<ByteSource> file_source(FileSystem& files, const Path& path) {
  TA_ASSIGN_OR_RETURN(const std::uint64_t size, files.file_size(path));
  return ByteSource{.size = size,
                    .read = [&files, path](std::uint64_t offset, std::span<std::byte> target) {
                      return files.read_range(path, offset, target);
                    }};
}

Result<ZipReader> ZipReader::open(ByteSource source, const std::string& what) {
  const auto damaged = [&](const std::string& found) {
    return data_loss(
        format("reading {}: as a zip archive it is damaged ({}); fetch it again", what, found));
  };
  if (const Status counted = check_announced_entries(source); !counted.ok())
    return damaged(counted.message());
  ZipReader reader;
  reader.what_ = what;
  reader.archive_.reset(new Archive{.cursor = {.source = std::move(source)}});
  zip_error_init(&reader.archive_->cursor.error);
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* const input = zip_source_function_create(serve, &reader.archive_->cursor, &error);
  TA_CHECK(input != nullptr, "zip_source_function_create");
  reader.archive_->handle = zip_open_from_source(input, ZIP_RDONLY, &error);
  if (reader.archive_->handle == nullptr) {
    zip_source_free(input);
    const std::string found = zip_error_strerror(&error);
    zip_error_fini(&error);
    const Status& read = reader.archive_->cursor.failure;
    return read.ok() ? damaged(found) : read.with_context("reading " + what);
  }
  const auto count = zip_get_num_entries(reader.archive_->handle, 0);
  for (zip_int64_t i = 0; i < count; ++i) {
    const char* name = zip_get_name(reader.archive_->handle, static_cast<zip_uint64_t>(i), 0);
    if (name != nullptr) reader.entries_[name] = static_cast<std::uint64_t>(i);
  }
  return reader;
}

Result<std::uint64_t> ZipReader::entry_bytes(const std::string& name) const {
  const std::string where = format("reading {}: entry {}", what_, printable(name));
  const auto found = entries_.find(name);
  if (found == entries_.end()) return not_found(where + " is not there; the archive is incomplete");
  zip_stat_t info;
  zip_stat_init(&info);
  constexpr zip_uint64_t kNeeded = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
  if (zip_stat_index(archive_->handle, found->second, 0, &info) != 0 ||
      (info.valid & kNeeded) != kNeeded)
    return data_loss(where + " has no readable size");
  const bool encrypted =
      (info.valid & ZIP_STAT_ENCRYPTION_METHOD) != 0 && info.encryption_method != ZIP_EM_NONE;
  if (info.comp_method != ZIP_CM_STORE || encrypted) {
    return unsupported(
        format("{} is {}; torch.save stores without compression: unpack the archive "
               "and save it again from Python",
               where, encrypted ? "encrypted" : "compressed"));
  }
  if (info.size != info.comp_size || info.size > archive_->cursor.source.size)
    return data_loss(format("{} announces {} bytes in an archive of {}", where, info.size,
                            archive_->cursor.source.size));
  return info.size;
}

Status ZipReader::read(const std::string& name, std::span<std::byte> target) const {
  TA_ASSIGN_OR_RETURN(const std::uint64_t size, entry_bytes(name));
  TA_CHECK(size == target.size(), "target has the entry's size");
  const auto failed = [&](const std::string& found) {
    const Status& read = archive_->cursor.failure;
    if (!read.ok()) return read.with_context("reading " + what_);
    return data_loss(
        format("reading {}: entry {}: {}; fetch the file again", what_, printable(name), found));
  };
  const std::unique_ptr<zip_file_t, FileCloser> file(
      zip_fopen_index(archive_->handle, entries_.at(name), 0));
  if (file == nullptr) return failed(zip_strerror(archive_->handle));
  std::size_t done = 0;
  while (done < target.size()) {
    const auto count = zip_fread(file.get(), target.data() + done, target.size() - done);
    if (count < 0) return failed(zip_file_strerror(file.get()));
    if (count == 0) return failed(format("it ends after {} of {} bytes", done, target.size()));
    done += static_cast<std::size_t>(count);
  }
  std::byte beyond{};  // the checksum is compared when the end is read
  if (zip_fread(file.get(), &beyond, 1) != 0) return failed(zip_file_strerror(file.get()));
  return ok_status();
}

Result<std::string> ZipReader::read_text(const std::string& name, std::uint64_t bytes_max) const {
  TA_ASSIGN_OR_RETURN(const std::uint64_t size, entry_bytes(name));
  if (size > bytes_max) {
    return invalid_argument(format("reading {}: entry {} has {} bytes, at most {} are read", what_,
                                   printable(name), size, bytes_max));
  }
  std::string text(size, '\0');
  TA_RETURN_IF_ERROR(read(name, std::as_writable_bytes(std::span(text))));
  return text;
}

}  // namespace tagalign::model
