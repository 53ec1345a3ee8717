/// The machine's files, with a disk that is full on request. For one thread.
#pragma once

#include "base/file_system.h"

namespace tagalign::testing {

class BrokenDisk final : public FileSystem {
 public:
  /// While set, writes store half of their bytes and fail with kNoSpace.
  bool full = false;
  std::string below;  ///< of the folders whose path begins so alone

  Result<std::string> read_file(const Path& path, std::uint64_t bytes_max) override {
    return disk_.read_file(path, bytes_max);
  }
  Status read_range(const Path& path, std::uint64_t offset, std::span<std::byte> target) override {
    return disk_.read_range(path, offset, target);
  }
  Result<std::uint64_t> file_size(const Path& path) override { return disk_.file_size(path); }
  bool exists(const Path& path) override { return disk_.exists(path); }
  Result<std::unique_ptr<WritableFile>> create_file(const Path& path) override {
    if (is_full(path)) return no_space("creating " + path.string());
    TA_ASSIGN_OR_RETURN(auto file, disk_.create_file(path));
    return std::unique_ptr<WritableFile>(new File(std::move(file), below.empty() ? full : never_));
  }
  Status write_durable(const Path& path, std::string_view contents) override {
    if (is_full(path)) return no_space("writing " + path.string());
    return disk_.write_durable(path, contents);
  }
  Status rename_durable(const Path& from, const Path& to) override {
    return disk_.rename_durable(from, to);
  }
  Status create_directories(const Path& path) override { return disk_.create_directories(path); }
  Status sync_directory(const Path& path) override { return disk_.sync_directory(path); }
  Result<std::vector<std::string>> list_directory(const Path& path) override {
    return disk_.list_directory(path);
  }
  Status remove_all(const Path& path) override { return disk_.remove_all(path); }
  Result<std::uint64_t> free_bytes(const Path& path) override {
    if (is_full(path)) return std::uint64_t{0};
    return disk_.free_bytes(path);
  }

 private:
  class File final : public WritableFile {
   public:
    File(std::unique_ptr<WritableFile> file, const bool& full)
        : file_(std::move(file)), full_(full) {}
    Status append(ByteSpan bytes) override {
      if (!full_) return file_->append(bytes);
      TA_RETURN_IF_ERROR(file_->append(bytes.first(bytes.size() / 2)));
      return no_space("appending");
    }
    Status sync() override { return file_->sync(); }
    Status close() override { return file_->close(); }

   private:
    std::unique_ptr<WritableFile> file_;
    const bool& full_;
  };

  bool is_full(const Path& path) const { return full && path.string().starts_with(below); }

  const bool never_ = false;
  FileSystem& disk_ = posix_file_system();
};

}  // namespace tagalign::testing
