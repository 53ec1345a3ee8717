#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

#include "tests/bench/checkpoint/raw_files.h"

namespace tagalign::bench {
namespace {

constexpr std::uint64_t kChunk = 4 << 20;

struct Free {
  void operator()(std::byte* bytes) const { std::free(bytes); }
};

/// Bytes at … at+count-1 of a file into `target`.
void read_part(const Path& path, std::uint64_t at, std::uint64_t count, std::byte* target) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  TA_CHECK(fd >= 0, path.string());
  while (count > 0) {
    const ssize_t got = ::pread(fd, target, std::min(kChunk, count), static_cast<off_t>(at));
    TA_CHECK(got > 0, path.string());
    at += static_cast<std::uint64_t>(got);
    target += got;
    count -= static_cast<std::uint64_t>(got);
  }
  ::close(fd);
}

}  // namespace

State::State(std::uint64_t bytes) : size_((bytes + kPage - 1) / kPage * kPage) {
  void* memory = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  TA_CHECK(memory != MAP_FAILED, "memory for the state");
  memory_ = static_cast<std::byte*>(memory);
  for (std::uint64_t at = 0; at < size_; at += 8) {
    std::uint64_t word = at * 0x9E37'79B9'7F4A'7C15;
    word = (word ^ word >> 32) * 0xD6E8'FEB8'6659'FD93;
    std::memcpy(memory_ + at, &word, 8);
  }
}

State::~State() {
  ::munmap(memory_, size_);
}

Status write_file(const Path& path, ByteSpan bytes, bool direct) {
  const int flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | (direct ? O_DIRECT : 0);
  const int fd = ::open(path.c_str(), flags, 0644);
  if (fd < 0) return errno_status(errno, "create " + path.string());
  Status status;
  while (!bytes.empty() && status.ok()) {
    const ssize_t wrote = ::write(fd, bytes.data(), std::min<std::size_t>(kChunk, bytes.size()));
    if (wrote < 0) status = errno_status(errno, "write " + path.string());
    if (wrote > 0) bytes = bytes.subspan(static_cast<std::size_t>(wrote));
  }
  if (status.ok() && ::fdatasync(fd) != 0) status = errno_status(errno, "sync " + path.string());
  ::close(fd);
  return status;
}

Status read_files(const Path& folder, int threads) {
  TA_ASSIGN_OR_RETURN(const auto names, posix_file_system().list_directory(folder));
  std::vector<std::unique_ptr<std::byte, Free>> kept;
  std::vector<std::jthread> readers;
  for (const std::string& name : names) {
    TA_ASSIGN_OR_RETURN(const std::uint64_t size, posix_file_system().file_size(folder / name));
    kept.emplace_back(static_cast<std::byte*>(std::malloc(size)));
    const auto parts =
        std::max<std::uint64_t>(1, static_cast<std::uint64_t>(threads) / names.size());
    for (std::uint64_t part = 0; part < parts; ++part) {
      const std::uint64_t begin = size * part / parts, end = size * (part + 1) / parts;
      readers.emplace_back(read_part, folder / name, begin, end - begin, kept.back().get() + begin);
      if (threads == 1) readers.back().join();
    }
  }
  return ok_status();  // the readers are joined before the memory goes
}

Status forget(const Path& folder) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    const int fd = ::open(entry.path().c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return errno_status(errno, "open " + entry.path().string());
    ::fsync(fd);
    ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    ::close(fd);
  }
  return ok_status();
}

}  // namespace tagalign::bench
