#include <fcntl.h>
#include <glob.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "base/format.h"
#include "data/sources/files/shard_files.h"

namespace tagalign::data {
namespace {

std::int64_t nanoseconds(const timespec& time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

struct OpenedFile {
  int descriptor;
  std::uint64_t size;
};

/// O_NONBLOCK: opening a FIFO must not wait for a writer.
Result<OpenedFile> open_regular(const Path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return errno_status(errno, "open " + path.string());
  struct stat info {};
  if (::fstat(descriptor, &info) != 0) {
    const int error = errno;
    ::close(descriptor);
    return errno_status(error, "stat " + path.string());
  }
  if (!S_ISREG(info.st_mode)) {
    ::close(descriptor);
    return invalid_argument(
        format("read {}: expected a regular file, found something else", path.string()));
  }
  return OpenedFile{descriptor, static_cast<std::uint64_t>(info.st_size)};
}

}  // namespace

Result<FileStamp> stamp_of(const Path& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return errno_status(errno, "stat " + path.string());
  return FileStamp{static_cast<std::uint64_t>(info.st_size), nanoseconds(info.st_mtim)};
}

Result<std::shared_ptr<const MappedFile>> MappedFile::open(const Path& path) {
  TA_ASSIGN_OR_RETURN(const OpenedFile file, open_regular(path));
  void* data = nullptr;
  if (file.size > 0) {
    data = ::mmap(nullptr, file.size, PROT_READ, MAP_SHARED, file.descriptor, 0);
  }
  const int error = errno;
  ::close(file.descriptor);
  if (data == MAP_FAILED) return errno_status(error, "map " + path.string());
  return std::shared_ptr<const MappedFile>(
      new MappedFile(static_cast<const char*>(data), file.size));
}

MappedFile::~MappedFile() {
  if (size_ > 0) ::munmap(const_cast<char*>(data_), size_);
}

Result<std::shared_ptr<const OpenFile>> OpenFile::open(const Path& path) {
  TA_ASSIGN_OR_RETURN(const OpenedFile file, open_regular(path));
  return std::shared_ptr<const OpenFile>(new OpenFile(file.descriptor, file.size, path));
}

OpenFile::~OpenFile() {
  ::close(descriptor_);
}

Status OpenFile::read(std::uint64_t offset, std::size_t bytes_max, std::string& target) const {
  target.resize(bytes_max);
  std::size_t done = 0;
  while (done < bytes_max) {
    const ssize_t count = ::pread(descriptor_, target.data() + done, bytes_max - done,
                                  static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno_status(errno, "read " + path_.string());
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  target.resize(done);
  return ok_status();
}

Result<std::vector<Path>> expand_pattern(const std::string& pattern) {
  glob_t found{};
  const int code = ::glob(pattern.c_str(), 0, nullptr, &found);
  std::vector<Path> paths(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  ::globfree(&found);
  if (code == 0 || code == GLOB_NOMATCH) return paths;
  return unavailable(format("list {}: the folders could not be read", pattern));
}

bool exists(const Path& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

bool is_folder(const Path& path) {
  std::error_code error;
  return std::filesystem::is_directory(path, error);
}

std::size_t open_files_max() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 128;
  return static_cast<std::size_t>(std::min<rlim_t>(limit.rlim_cur, 8192)) / 2;
}

Path unfinished_name(const Path& path) {
  static std::atomic<unsigned> counter{0};
  return path.parent_path() /
         format(".{}.tmp-{}-{}", path.filename().string(), ::getpid(), counter++);
}

bool is_writable_folder(const Path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  return !error && ::access(folder.c_str(), W_OK | X_OK) == 0;
}

}  // namespace tagalign::data
