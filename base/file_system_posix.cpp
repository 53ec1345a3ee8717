#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <system_error>
#include <utility>

#include "base/reserved_file.h"

namespace tagalign {
namespace {

/// Closes on destruction.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

std::string about(const char* operation, const Path& path) {
  return fmt::format("{} {}", operation, path.string());
}

Path parent_of(const Path& path) {
  return path.has_parent_path() ? path.parent_path() : Path(".");
}

/// Of a call that wanted room on the disk: says what is full, since bytes, inodes and a quota give out
/// apart from each other.
Status room_status(int error, const std::string& what, const Path& path) {
  Status status = errno_status(error, what);
  std::string found;
  struct statvfs info {};
  if (error == ENOSPC && ::statvfs(parent_of(path).c_str(), &info) == 0) {
    std::error_code unknown;  // relative paths say nothing to who reads it elsewhere
    const Path folder = std::filesystem::absolute(parent_of(path), unknown);
    found = fmt::format("; the file system of {} has {} bytes and {} inodes free", folder.string(),
                        std::uint64_t{info.f_bavail} * info.f_frsize, info.f_favail);
  } else if (error == EDQUOT) {
    found = fmt::format("; the quota of user {} there is used up (quota -s)", ::geteuid());
  }
  if (found.empty()) return status;
  return Status(status.code(), status.message() + found).set_of_the_place(true);
}

Status write_all(int fd, ByteSpan bytes, const Path& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return room_status(errno, about("write", path), path);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return ok_status();
}

Status sync_path(const Path& path, int flags) {
  const Descriptor fd(::open(path.c_str(), flags | O_CLOEXEC));
  if (!fd.valid()) return errno_status(errno, about("open for sync", path));
  if (::fsync(fd.get()) != 0) return room_status(errno, about("fsync", path), path);
  return ok_status();
}

class PosixWritableFile final : public ReservableFile {
 public:
  PosixWritableFile(int fd, Path path, bool direct)
      : fd_(fd), path_(std::move(path)), direct_(direct) {}
  Status append(ByteSpan bytes) override {
    if (direct_) TA_RETURN_IF_ERROR(append_direct(bytes));
    return write_all(fd_.get(), bytes, path_);
  }
  /// Bytes and length; times of the file may be older after a crash.
  Status sync() override {
    return ::fdatasync(fd_.get()) == 0 ? ok_status()
                                       : room_status(errno, about("fdatasync", path_), path_);
  }
  Status reserve(std::uint64_t bytes) override {
    const off_t end = ::lseek(fd_.get(), 0, SEEK_CUR);
    if (end < 0) return errno_status(errno, about("lseek", path_));
    const std::string zeros(bytes, '\0');
    const Status written = write_all(fd_.get(), as_bytes(zeros), path_);
    if (::lseek(fd_.get(), end, SEEK_SET) != end) return errno_status(errno, about("lseek", path_));
    return written;
  }
  Status close() override {
    return ::close(fd_.release()) == 0 ? ok_status()
                                       : room_status(errno, about("close", path_), path_);
  }

 private:
  /// Takes off `bytes` what went past the page cache. What is not aligned ends that way of writing:
  /// the file's end is not aligned any more.
  Status append_direct(ByteSpan& bytes) {
    while (direct_ && !bytes.empty()) {
      const std::size_t whole = bytes.size() - bytes.size() % kDirectAlignment;
      const bool aligned = reinterpret_cast<std::uintptr_t>(bytes.data()) % kDirectAlignment == 0;
      const ssize_t written = aligned && whole > 0 ? ::write(fd_.get(), bytes.data(), whole) : 0;
      if (written < 0 && errno == EINTR) continue;
      if (written < 0 && errno != EINVAL) return room_status(errno, about("write", path_), path_);
      if (written > 0) bytes = bytes.subspan(static_cast<std::size_t>(written));
      if (written <= 0 || written % static_cast<ssize_t>(kDirectAlignment) != 0)
        TA_RETURN_IF_ERROR(end_direct());
    }
    return ok_status();
  }
  Status end_direct() {
    const int flags = ::fcntl(fd_.get(), F_GETFL);
    if (flags < 0 || ::fcntl(fd_.get(), F_SETFL, flags & ~O_DIRECT) != 0)
      return errno_status(errno, about("fcntl", path_));
    direct_ = false;
    return ok_status();
  }

  Descriptor fd_;
  Path path_;
  bool direct_;  ///< still writing past the page cache
};

Status write_new_file(const Path& path, std::string_view contents, mode_t mode) {
  Descriptor fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
  if (!fd.valid()) return room_status(errno, about("create", path), path);
  TA_RETURN_IF_ERROR(write_all(fd.get(), as_bytes(contents), path));
  if (::fsync(fd.get()) != 0) return room_status(errno, about("fsync", path), path);
  return ::close(fd.release()) == 0 ? ok_status() : room_status(errno, about("close", path), path);
}

/// A name no other thread or process uses at the same time.
Path temporary_neighbour(const Path& path) {
  static std::atomic<unsigned> counter{0};
  return parent_of(path) /
         fmt::format(".{}.tmp-{}-{}", path.filename().string(), ::getpid(), counter++);
}

Status rename_and_sync(const Path& from, const Path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) {
    return room_status(errno, fmt::format("rename {} to {}", from.string(), to.string()), to);
  }
  TA_RETURN_IF_ERROR(sync_path(parent_of(to), O_RDONLY | O_DIRECTORY));
  if (parent_of(from) == parent_of(to)) return ok_status();
  return sync_path(parent_of(from), O_RDONLY | O_DIRECTORY);
}

Status write_durable_with_mode(const Path& path, std::string_view contents, mode_t mode) {
  const Path temporary = temporary_neighbour(path);
  Status status = write_new_file(temporary, contents, mode);
  if (status.ok()) status = rename_and_sync(temporary, path);
  if (!status.ok()) ::unlink(temporary.c_str());
  return status;
}

const char* kind_of_file(mode_t mode) {
  if (S_ISDIR(mode)) return "a folder";
  if (S_ISFIFO(mode)) return "a FIFO (named pipe)";
  if (S_ISSOCK(mode)) return "a socket";
  return "a device";
}

Status check_regular(const Path& path, mode_t mode) {
  if (S_ISREG(mode)) return ok_status();
  return invalid_argument(fmt::format(
      "read {}: expected a regular file, found {}; copy its contents into a file and name that",
      path.string(), kind_of_file(mode)));
}

/// Whatever else lies there is refused without waiting: opening a FIFO would block until somebody
/// writes into it, and no request to stop would be heard meanwhile.
Result<int> open_regular(const Path& path) {
  Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat info {};
  if (!fd.valid()) {
    const int error = errno;
    if (error == ENXIO && ::stat(path.c_str(), &info) == 0)  // a socket
      TA_RETURN_IF_ERROR(check_regular(path, info.st_mode));
    return errno_status(error, about("open", path));
  }
  if (::fstat(fd.get(), &info) != 0) return errno_status(errno, about("stat", path));
  TA_RETURN_IF_ERROR(check_regular(path, info.st_mode));
  return fd.release();
}

/// Of a file that open_regular() opened.
Result<std::string> read_whole(int fd, const Path& path, std::uint64_t bytes_max) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) return errno_status(errno, about("stat", path));
  std::string contents;
  contents.reserve(static_cast<std::size_t>(std::max<off_t>(info.st_size, 0)));
  char block[65536];
  while (true) {
    const ssize_t count = ::read(fd, block, sizeof block);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno_status(errno, about("read", path));
    if (count == 0) return contents;
    contents.append(block, static_cast<std::size_t>(count));
    if (contents.size() > bytes_max) {
      return invalid_argument(
          fmt::format("read {}: larger than the limit of {} bytes", path.string(), bytes_max));
    }
  }
}

/// `direct` is O_DIRECT or 0. A file system that does not know it says EINVAL after it has
/// made the file all the same.
Result<std::unique_ptr<WritableFile>> create_posix_file(const Path& path, int direct) {
  constexpr int kFlags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC;
  int fd = ::open(path.c_str(), kFlags | direct, 0644);
  const bool refused = fd < 0 && errno == EINVAL && direct != 0;
  if (refused) fd = ::open(path.c_str(), kFlags, 0644);
  if (fd < 0) return room_status(errno, about("create", path), path);
  return std::unique_ptr<WritableFile>(
      std::make_unique<PosixWritableFile>(fd, path, direct != 0 && !refused));
}

Status read_at(int fd, const Path& path, std::uint64_t offset, std::span<std::byte> target) {
  while (!target.empty()) {
    const ssize_t count = ::pread(fd, target.data(), target.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno_status(errno, about("read", path));
    if (count == 0) {
      return data_loss(fmt::format("read {}: the file ends at byte {}, {} more are expected",
                                   path.string(), offset, target.size()));
    }
    offset += static_cast<std::uint64_t>(count);
    target = target.subspan(static_cast<std::size_t>(count));
  }
  return ok_status();
}

class PosixReadableFile final : public ReadableFile {
 public:
  PosixReadableFile(int fd, Path path) : fd_(fd), path_(std::move(path)) {}
  Status read(std::uint64_t offset, std::span<std::byte> target) const override {
    return read_at(fd_.get(), path_, offset, target);
  }

 private:
  Descriptor fd_;
  Path path_;
};

class PosixFileSystem final : public FileSystem {
 public:
  Result<std::string> read_file(const Path& path, std::uint64_t bytes_max) override {
    TA_ASSIGN_OR_RETURN(const int opened, open_regular(path));
    const Descriptor fd(opened);
    return read_whole(fd.get(), path, bytes_max);
  }

  Status read_range(const Path& path, std::uint64_t offset, std::span<std::byte> target) override {
    TA_ASSIGN_OR_RETURN(const int opened, open_regular(path));
    const Descriptor fd(opened);
    return read_at(fd.get(), path, offset, target);
  }

  Result<std::unique_ptr<ReadableFile>> open_file(const Path& path) override {
    TA_ASSIGN_OR_RETURN(const int opened, open_regular(path));
    // Only a hint: the kernel then reads further ahead.
    (void)::posix_fadvise(opened, 0, 0, POSIX_FADV_SEQUENTIAL);
    return std::unique_ptr<ReadableFile>(std::make_unique<PosixReadableFile>(opened, path));
  }

  Result<std::uint64_t> file_size(const Path& path) override {
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) return errno_status(errno, about("stat", path));
    TA_RETURN_IF_ERROR(check_regular(path, info.st_mode));
    return static_cast<std::uint64_t>(info.st_size);
  }

  bool exists(const Path& path) override {
    struct stat info {};
    return ::stat(path.c_str(), &info) == 0;
  }

  Result<std::unique_ptr<WritableFile>> create_file(const Path& path) override {
    return create_posix_file(path, 0);
  }

  Result<std::unique_ptr<WritableFile>> create_direct_file(const Path& path) override {
    return create_posix_file(path, O_DIRECT);
  }

  Status write_durable(const Path& path, std::string_view contents) override {
    return write_durable_with_mode(path, contents, 0644);
  }

  Status rename_durable(const Path& from, const Path& to) override {
    return rename_and_sync(from, to);
  }

  Status create_directories(const Path& path) override {
    std::error_code error;
    std::filesystem::create_directories(path, error);
    return error ? room_status(error.value(), about("create folder", path), path) : ok_status();
  }

  Status sync_directory(const Path& path) override {
    return sync_path(path, O_RDONLY | O_DIRECTORY);
  }

  Result<std::vector<std::string>> list_directory(const Path& path) override {
    std::error_code error;
    std::vector<std::string> names;
    for (std::filesystem::directory_iterator it(path, error), end; !error && it != end;
         it.increment(error)) {
      names.push_back(it->path().filename().string());
    }
    if (error) return errno_status(error.value(), about("list folder", path));
    std::sort(names.begin(), names.end());
    return names;
  }

  Status remove_all(const Path& path) override {
    std::error_code error;
    std::filesystem::remove_all(path, error);
    return error ? errno_status(error.value(), about("remove", path)) : ok_status();
  }

  Result<std::uint64_t> free_bytes(const Path& path) override {
    struct statvfs info {};
    if (::statvfs(path.c_str(), &info) != 0)
      return errno_status(errno, about("free space of", path));
    return std::uint64_t{info.f_bavail} * info.f_frsize;
  }
};

}  // namespace

FileSystem& posix_file_system() {
  static PosixFileSystem files;
  return files;
}

Result<std::int64_t> modified_ms(const Path& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return errno_status(errno, about("stat", path));
  constexpr std::int64_t kMsPerSecond = 1'000, kNsPerMs = 1'000'000;
  return info.st_mtim.tv_sec * kMsPerSecond + info.st_mtim.tv_nsec / kNsPerMs;
}

Status check_private_file(const Path& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return errno_status(errno, about("stat", path));
  if ((info.st_mode & 077) == 0) return ok_status();
  return permission_denied(fmt::format(
      "{}: others can read it (mode {:04o}), a secret key needs 0600; mend it with: chmod 600 {}",
      path.string(), info.st_mode & 07777, path.string()));
}

Status write_private_file(const Path& path, std::string_view contents) {
  return write_durable_with_mode(path, contents, 0600);
}

}  // namespace tagalign
