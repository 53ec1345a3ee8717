/// Archives for tests, written by the libraries that other people's tools use too.
#pragma once

#include <archive.h>
#include <archive_entry.h>
#include <gtest/gtest.h>
#include <zip.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/file_system.h"

namespace tagalign::data {

/// Names and contents in their order.
using ArchiveFiles = std::vector<std::pair<std::string, std::string>>;

/// Written by libarchive: `format` is "ustar", "pax", "gnutar" or "zip";
/// `options` as its manual has them.
inline void write_archive(const Path& path, const char* format, const ArchiveFiles& files,
                          const char* options = nullptr, bool gzip = false) {
  archive* writer = archive_write_new();
  ASSERT_EQ(archive_write_set_format_by_name(writer, format), ARCHIVE_OK) << format;
  if (gzip) {
    ASSERT_EQ(archive_write_add_filter_gzip(writer), ARCHIVE_OK);
  }
  if (options != nullptr) {
    ASSERT_EQ(archive_write_set_options(writer, options), ARCHIVE_OK) << options;
  }
  ASSERT_EQ(archive_write_open_filename(writer, path.c_str()), ARCHIVE_OK);
  for (const auto& [name, contents] : files) {
    archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, name.c_str());
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, static_cast<la_int64_t>(contents.size()));
    ASSERT_GE(archive_write_header(writer, entry), ARCHIVE_WARN) << archive_error_string(writer);
    ASSERT_EQ(archive_write_data(writer, contents.data(), contents.size()),
              static_cast<la_ssize_t>(contents.size()));
    archive_entry_free(entry);
  }
  ASSERT_EQ(archive_write_close(writer), ARCHIVE_OK);
  archive_write_free(writer);
}

inline void write_tar(const Path& path, const ArchiveFiles& files, const char* format = "ustar") {
  write_archive(path, format, files);
}

/// Written by libzip.
inline void write_zip(const Path& path, const ArchiveFiles& files, bool deflated) {
  zip_t* writer = zip_open(path.c_str(), ZIP_CREATE | ZIP_TRUNCATE, nullptr);
  ASSERT_NE(writer, nullptr);
  for (const auto& [name, contents] : files) {
    zip_source_t* source = zip_source_buffer(writer, contents.data(), contents.size(), 0);
    const auto index =
        zip_file_add(writer, name.c_str(), source, ZIP_FL_ENC_UTF_8 | ZIP_FL_OVERWRITE);
    ASSERT_GE(index, 0);
    zip_set_file_compression(writer, static_cast<zip_uint64_t>(index),
                             deflated ? ZIP_CM_DEFLATE : ZIP_CM_STORE, 0);
  }
  ASSERT_EQ(zip_close(writer), 0);
}

}  // namespace tagalign::data
