/// The state folder as a possession: one coordinator at a time.
#pragma once

#include <memory>

#include "base/file_system.h"
#include "base/status.h"

namespace tagalign::store {

/// Held until destroyed; the kernel lets go when the process dies, however it dies.
class FolderLock {
 public:
  /// Creates `folder` (mode 0700 when new). kAlreadyExists names the pid of the holder.
  static Result<std::unique_ptr<FolderLock>> acquire(const Path& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  explicit FolderLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

/// "nfs", "lustre", …; nullptr for a local file system, and when it cannot be told.
const char* network_file_system(const Path& folder);

/// The name for a statfs f_type; nullptr when it is none of the known network file systems.
const char* network_file_system_name(unsigned long magic);

}  // namespace tagalign::store
