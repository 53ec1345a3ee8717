/// Room for what will be appended to a file, taken ahead.
///
/// An append that makes a file longer costs its sync a commit of the file system's own journal, some
/// milliseconds; into room that is there already it costs what the disk needs for the bytes.
#pragma once

#include <cstdint>

#include "base/file_system.h"

namespace tagalign {

class ReservableFile : public WritableFile {
 public:
  /// The next `bytes` that are appended go where zeros stand from now on: until then, and for what is
  /// never appended, the file ends in zeros. Durable with the next sync(). After a failure the file
  /// may end in fewer zeros.
  virtual Status reserve(std::uint64_t bytes) = 0;
};

/// Does nothing to a file that cannot.
inline Status reserve(WritableFile& file, std::uint64_t bytes) {
  auto* reservable = dynamic_cast<ReservableFile*>(&file);
  return reservable == nullptr ? ok_status() : reservable->reserve(bytes);
}

}  // namespace tagalign
