/// One row of a file of captions. For data/ only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace tagalign::data {

struct CaptionRow {
  std::string file;           ///< name or id; may be empty when there is a URL
  std::string url;            ///< may be empty when there is a name
  std::string caption;        ///< valid UTF-8
  std::size_t bad_bytes = 0;  ///< of the caption, that became U+FFFD

  bool is_url() const { return file.empty(); }
  const std::string& key() const { return file.empty() ? url : file; }
};

/// Lines that are left out.
struct BrokenLines {
  std::uint64_t count = 0;
  std::string first;  ///< "cc12m.tsv:17: expected url<TAB>caption, found 'abc'"
};

}  // namespace tagalign::data
