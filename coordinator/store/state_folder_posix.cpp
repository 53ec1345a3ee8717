#include <fcntl.h>
#include <sys/file.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/format.h"
#include "coordinator/store/state_folder.h"
#include "coordinator/store/store.h"

namespace tagalign::store {
namespace {

std::string holder_of(int descriptor) {
  std::array<char, 32> text{};
  const ssize_t count = pread(descriptor, text.data(), text.size() - 1, 0);
  std::string pid(text.data(), count > 0 ? static_cast<std::size_t>(count) : 0);
  while (!pid.empty() && pid.back() == '\n') pid.pop_back();
  return pid.empty() ? "unknown" : pid;
}

Status write_pid(int descriptor, const Path& path) {
  const std::string pid = format("{}\n", getpid());
  if (ftruncate(descriptor, 0) != 0 ||
      pwrite(descriptor, pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
    return errno_status(errno, format("write the lock file {}", path.string()));
  }
  return ok_status();
}

}  // namespace

Result<std::unique_ptr<FolderLock>> FolderLock::acquire(const Path& folder) {
  std::error_code error;
  if (std::filesystem::create_directories(folder, error)) {
    std::filesystem::permissions(folder, std::filesystem::perms::owner_all, error);
  }
  if (error)
    return errno_status(error.value(), format("create the state folder {}", folder.string()));
  const Path path = folder / "coordinator.lock";
  const int descriptor = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) return errno_status(errno, format("open the lock file {}", path.string()));
  std::unique_ptr<FolderLock> lock(new FolderLock(descriptor));
  if (flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return errno_status(errno, format("lock {}", path.string()));
    return already_exists(
        format("state folder {} is held by another coordinator (pid {}); stop that one, or give "
               "another folder with --state",
               folder.string(), holder_of(descriptor)));
  }
  TA_RETURN_IF_ERROR(write_pid(descriptor, path));
  return lock;
}

FolderLock::~FolderLock() {
  close(descriptor_);
}

const char* network_file_system_name(unsigned long magic) {
  struct Known {
    unsigned long magic;
    const char* name;
  };
  static constexpr Known kKnown[] = {
      {0x6969, "nfs"},      {0x0BD00BD0, "lustre"}, {0xFF534D42, "cifs"},    {0xFE534D42, "smb2"},
      {0x47504653, "gpfs"}, {0x00C36400, "ceph"},   {0x19830326, "beegfs"},  {0x5346414F, "afs"},
      {0x01021997, "9p"},   {0xAAD7AAEA, "panfs"},  {0x20030528, "orangefs"}};
  for (const Known& known : kKnown) {
    if (known.magic == magic) return known.name;
  }
  return nullptr;
}

const char* network_file_system(const Path& folder) {
  struct statfs info {};
  if (statfs(folder.c_str(), &info) != 0) return nullptr;
  return network_file_system_name(static_cast<unsigned long>(info.f_type) & 0xffffffffUL);
}

std::optional<std::string> folder_warning(const Path& folder) {
  const char* name = network_file_system(folder);
  if (name == nullptr) return std::nullopt;
  return format(
      "state folder {} lies on a network file system ({}): locks and flushes may not hold there, "
      "and a crash "
      "of its server can lose acknowledged jobs; prefer a local disk (--state)",
      folder.string(), name);
}

}  // namespace tagalign::store
