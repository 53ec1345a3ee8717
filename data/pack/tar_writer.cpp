#include "data/pack/tar_writer.h"

#include <archive.h>
#include <archive_entry.h>

#include "base/format.h"

namespace tagalign::data {
namespace {

constexpr int kMode = 0644;

struct FreeEntry {
  void operator()(archive_entry* entry) const { archive_entry_free(entry); }
};

}  // namespace

Result<std::unique_ptr<TarWriter>> TarWriter::create(WritableFile& file) {
  std::unique_ptr<TarWriter> writer(new TarWriter(file));
  TA_RETURN_IF_ERROR(writer->open());
  return writer;
}

Status TarWriter::open() {
  archive_ = archive_write_new();
  if (archive_ == nullptr) return internal_error("write a tar: libarchive has no memory");
  const bool ok = archive_write_set_format_pax_restricted(archive_) == ARCHIVE_OK &&
                  archive_write_set_options(archive_, "pax:hdrcharset=BINARY") == ARCHIVE_OK &&
                  archive_write_set_bytes_per_block(archive_, 0) == ARCHIVE_OK &&
                  archive_write_open(archive_, this, nullptr, take, nullptr) == ARCHIVE_OK;
  return ok ? ok_status() : fail("open");
}

TarWriter::~TarWriter() {
  if (archive_ != nullptr) archive_write_free(archive_);
}

std::int64_t TarWriter::take(archive*, void* self, const void* bytes, std::size_t length) {
  auto& writer = *static_cast<TarWriter*>(self);
  if (writer.written_.ok())
    writer.written_ = writer.file_.append({static_cast<const std::byte*>(bytes), length});
  return writer.written_.ok() ? static_cast<std::int64_t>(length) : -1;
}

Status TarWriter::fail(const char* what) {
  if (!written_.ok()) return written_;
  const char* why = archive_error_string(archive_);
  return internal_error(format("write a tar: {}: {}", what, why == nullptr ? "unknown" : why));
}

Status TarWriter::add(const std::string& name, std::string_view contents) {
  const std::unique_ptr<archive_entry, FreeEntry> entry(archive_entry_new());
  archive_entry_set_pathname(entry.get(), name.c_str());
  archive_entry_set_size(entry.get(), static_cast<std::int64_t>(contents.size()));
  archive_entry_set_filetype(entry.get(), AE_IFREG);
  archive_entry_set_perm(entry.get(), kMode);
  if (archive_write_header(archive_, entry.get()) < ARCHIVE_WARN) return fail(name.c_str());
  const auto written = archive_write_data(archive_, contents.data(), contents.size());
  const bool whole = written >= 0 && static_cast<std::size_t>(written) == contents.size();
  return whole && archive_write_finish_entry(archive_) == ARCHIVE_OK ? ok_status()
                                                                     : fail(name.c_str());
}

Status TarWriter::finish() {
  return archive_write_close(archive_) == ARCHIVE_OK && written_.ok() ? ok_status() : fail("close");
}

}  // namespace tagalign::data
