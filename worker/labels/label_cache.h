/// Rows of labels that an earlier start made, in files beside the checkpoints of the run.
///
/// Layout and rules: checkpoint/format.md, "Rows of labels". Nothing depends on these files: what is
/// missing, damaged or made from something else is made again, and all may be removed at any time.
/// Threads  one. Another process may write the same files: each appears whole, by a rename.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/checksum.h"
#include "base/file_system.h"
#include "base/status.h"

namespace tagalign::jobs {

/// Which rows: [count, width] fp32.
struct LabelKey {
  Digest128 made_from;  ///< of everything that their bits follow from
  std::int64_t count = 0;
  std::int64_t width = 0;

  std::uint64_t bytes() const { return static_cast<std::uint64_t>(count * width) * sizeof(float); }
};

class LabelCache {
 public:
  /// Objects and attributes of four ways to make them.
  static constexpr std::size_t kFilesMax = 8;

  /// `folder` need not be there. Borrows `files`.
  LabelCache(FileSystem& files, Path folder) : files_(files), folder_(std::move(folder)) {}

  /// The bytes of the rows, compared with their digest. kNotFound: there are none. Any other error
  /// says which file is of no use, and why.
  Result<std::string> find(const LabelKey& key) const;

  /// Durable, in place of what there was of this key; of others the newest stay, kFilesMax in all.
  Status keep(const LabelKey& key, ByteSpan rows) const;

 private:
  struct Stored {
    std::uint64_t number = 0;  ///< the newest has the highest
    std::string name;
    std::string key;
  };
  /// Ascending by number. Names that are not ours are left out.
  Result<std::vector<Stored>> stored() const;
  Status remove_leftovers() const;

  FileSystem& files_;
  Path folder_;
};

}  // namespace tagalign::jobs
