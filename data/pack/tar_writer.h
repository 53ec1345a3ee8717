/// Writes a tar, member by member. For data/pack.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/file_system.h"
#include "base/status.h"

struct archive;

namespace tagalign::data {

/// Ustar, with a pax header where a name needs one (libarchive); no times, no owners: equal members
/// give equal bytes. One thread; borrows the file.
class TarWriter {
 public:
  static Result<std::unique_ptr<TarWriter>> create(WritableFile& file);
  ~TarWriter();
  TarWriter(const TarWriter&) = delete;
  TarWriter& operator=(const TarWriter&) = delete;

  /// Names are bytes; UTF-8 where others shall read them.
  Status add(const std::string& name, std::string_view contents);
  /// The end of the archive; the file is still to be synced and closed.
  Status finish();

 private:
  explicit TarWriter(WritableFile& file) : file_(file) {}
  Status open();
  Status fail(const char* what);
  static std::int64_t take(archive*, void* self, const void* bytes, std::size_t length);

  WritableFile& file_;
  archive* archive_ = nullptr;
  Status written_;  ///< of the file
};

}  // namespace tagalign::data
