#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "base/format.h"
#include "worker/features/row_file.h"

namespace tagalign::jobs {
namespace {

/// Closes on destruction.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

Status failed(const char* operation, const Path& path) {
  return errno_status(errno, format("{} {}", operation, path.string()));
}

class MappedRowFile final : public RowFile {
 public:
  /// Takes over the mapping.
  MappedRowFile(Descriptor fd, Path path, std::byte* data, std::uint64_t bytes, bool writable)
      : fd_(std::move(fd)),
        path_(std::move(path)),
        data_(data),
        bytes_(bytes),
        writable_(writable),
        page_(static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE))) {}
  ~MappedRowFile() override { ::munmap(data_, bytes_); }

  // Touching a page that the kernel cannot read ends the program (SIGBUS); asked for it
  // beforehand, the kernel says so instead. One before Linux 5.14 does not know the question,
  // and copies by itself.
  Status read(std::uint64_t offset, std::span<std::byte> target) const override {
    TA_CHECK(offset <= bytes_ && target.size() <= bytes_ - offset, "within the file");
    const std::uint64_t begin = offset - offset % page_;
    const std::uint64_t length = offset + target.size() - begin;
    if (::madvise(data_ + begin, length, MADV_POPULATE_READ) == 0) {
      std::memcpy(target.data(), data_ + offset, target.size());
      return ok_status();
    }
    return errno == EINVAL ? read_by_copy(offset, target) : failed("read", path_);
  }

  Status write(std::uint64_t offset, ByteSpan bytes) override {
    TA_CHECK(offset <= bytes_ && bytes.size() <= bytes_ - offset, "within the file");
    if (!writable_) return unavailable(format("write {}: it may only be read", path_.string()));
    while (!bytes.empty()) {
      const ssize_t done =
          ::pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (done < 0 && errno == EINTR) continue;
      if (done < 0) return failed("write", path_);
      bytes = bytes.subspan(static_cast<std::size_t>(done));
      offset += static_cast<std::uint64_t>(done);
    }
    return ok_status();
  }

 private:
  Status read_by_copy(std::uint64_t offset, std::span<std::byte> target) const {
    while (!target.empty()) {
      const ssize_t done =
          ::pread(fd_.get(), target.data(), target.size(), static_cast<off_t>(offset));
      if (done < 0 && errno == EINTR) continue;
      if (done < 0) return failed("read", path_);
      if (done == 0) return data_loss(format("read {}: it was cut meanwhile", path_.string()));
      target = target.subspan(static_cast<std::size_t>(done));
      offset += static_cast<std::uint64_t>(done);
    }
    return ok_status();
  }

  Descriptor fd_;
  Path path_;
  std::byte* data_;
  std::uint64_t bytes_;
  bool writable_;
  std::uint64_t page_;  ///< bytes
};

/// Of a regular file, made as long as it shall be where that is allowed.
Status prepare(int fd, const Path& path, std::uint64_t bytes, bool writable) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) return failed("stat", path);
  if (!S_ISREG(info.st_mode)) {
    return invalid_argument(
        format("open {}: expected a regular file, found something else; remove it", path.string()));
  }
  if (static_cast<std::uint64_t>(info.st_size) >= bytes) return ok_status();
  if (!writable) {
    return data_loss(format("open {}: expected {} bytes, found {}, and it may only be read",
                            path.string(), bytes, info.st_size));
  }
  return ::ftruncate(fd, static_cast<off_t>(bytes)) == 0 ? ok_status() : failed("enlarge", path);
}

}  // namespace

Result<std::unique_ptr<RowFile>> open_row_file(const Path& path, std::uint64_t bytes) {
  constexpr int kFlags = O_CLOEXEC | O_NONBLOCK;  // opening a FIFO must not wait for a writer
  int opened = ::open(path.c_str(), kFlags | O_RDWR | O_CREAT, 0644);
  const bool writable = opened >= 0;
  if (!writable && (errno == EACCES || errno == EROFS))
    opened = ::open(path.c_str(), kFlags | O_RDONLY);
  if (opened < 0) return failed("open", path);
  Descriptor fd(opened);
  TA_RETURN_IF_ERROR(prepare(fd.get(), path, bytes, writable));
  if (writable) (void)::futimens(fd.get(), nullptr);  // somebody uses it
  void* data = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, fd.get(), 0);
  if (data == MAP_FAILED) return failed("map", path);
  return std::unique_ptr<RowFile>(std::make_unique<MappedRowFile>(
      std::move(fd), path, static_cast<std::byte*>(data), bytes, writable));
}

}  // namespace tagalign::jobs
