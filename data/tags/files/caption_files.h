/// Captions from where they are: the project's CSV, CC12M's TSV, JSON lines; read in pieces.
///
/// The format is told by the first line, not by the name: "file,caption" begins a CSV (RFC 4180), a
/// "{" JSON lines {"id"|"key"|"file"|"url", "caption"}, and a line with a tab is CC12M's
/// `url<TAB>caption` without header. Lines that are broken are counted and left out.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/status.h"

namespace tagalign::data {

enum class CaptionFormat : std::uint8_t { kCsv, kTsv, kJsonLines };

struct CaptionRow {
  std::string key;      ///< file name, URL or id
  std::string caption;  ///< as it stands there
  bool is_url = false;  ///< of a TSV
};

struct BrokenLines {
  std::uint64_t count = 0;
  std::string first;  ///< "cc12m.tsv:17: expected url<TAB>caption, found 'abc'"
};

/// Reads several files one after the other, some megabytes at a time. Borrows `files`. For one
/// thread. Two readers of the same unchanged files give the same rows.
class CaptionFiles {
 public:
  /// Looks at the first line of each. kInvalidArgument for a file of no known format,
  /// an empty one too; kNotFound.
  static Result<CaptionFiles> open(FileSystem& files, std::span<const Path> paths);

  /// Appends at least one row, and some thousands if there are as many; nothing at the end.
  /// kInvalidArgument for a CSV whose quotes do not match, or a record above 64 MiB.
  Status read(std::vector<CaptionRow>& rows);

  const BrokenLines& broken() const { return broken_; }
  std::uint64_t bytes_read() const { return bytes_read_; }
  std::uint64_t bytes_total() const { return bytes_total_; }

 private:
  struct Source {
    Path path;
    CaptionFormat format;
    std::uint64_t size;
  };
  explicit CaptionFiles(FileSystem& files) : files_(&files) {}
  Result<bool> fill();
  Status parse(std::string_view text, const Source& source, std::vector<CaptionRow>& rows);
  Status parse_csv(std::string_view text, const Source& source, std::vector<CaptionRow>& rows);
  void parse_line(std::string_view line, const Source& source, std::vector<CaptionRow>& rows);
  void complain(const Source& source, std::string_view expected, std::string_view found);

  FileSystem* files_;
  std::vector<Source> sources_;
  std::size_t source_ = 0;
  std::uint64_t offset_ = 0;  ///< in the current file, of what was read
  std::uint64_t line_ = 0;    ///< of the current file, of what was parsed
  std::string pending_;       ///< read and not yet parsed
  BrokenLines broken_;
  std::uint64_t bytes_read_ = 0;
  std::uint64_t bytes_total_ = 0;
};

}  // namespace tagalign::data
