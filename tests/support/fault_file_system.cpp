#include "tests/support/fault_file_system.h"

#include <algorithm>

namespace tagalign::testing_support {
namespace {

Status dead() {
  return unavailable("injected crash: the machine is off");
}
Status disk_full(const Path& path) {
  return no_space("write " + path.string() + ": injected: no space left on device");
}

}  // namespace

/// A file of the wrapped system whose every verb counts.
class FaultFileSystem::File final : public WritableFile {
 public:
  File(FaultFileSystem& owner, std::unique_ptr<WritableFile> real, Path path)
      : owner_(owner), real_(std::move(real)), path_(std::move(path)) {}

  Status append(ByteSpan bytes) override {
    const std::lock_guard lock(owner_.mutex_);
    const bool was_alive = !owner_.crashed_;
    const Status alive = owner_.step();
    if (!alive.ok()) {
      if (was_alive) (void)real_->append(bytes.first(bytes.size() / 2));
      return alive;
    }
    owner_.synced_bytes_.try_emplace(path_, synced_);
    const std::uint64_t fitting = owner_.take_space(bytes.size());
    TA_RETURN_IF_ERROR(real_->append(bytes.first(fitting)));
    written_ += fitting;
    return fitting == bytes.size() ? ok_status() : disk_full(path_);
  }
  Status sync() override {
    const std::lock_guard lock(owner_.mutex_);
    TA_RETURN_IF_ERROR(owner_.step());
    TA_RETURN_IF_ERROR(real_->sync());
    synced_ = written_;
    owner_.synced_bytes_.erase(path_);
    return ok_status();
  }
  Status close() override {
    const std::lock_guard lock(owner_.mutex_);
    TA_RETURN_IF_ERROR(owner_.step());
    return real_->close();
  }

 private:
  FaultFileSystem& owner_;
  std::unique_ptr<WritableFile> real_;
  Path path_;
  std::uint64_t written_ = 0;
  std::uint64_t synced_ = 0;
};

void FaultFileSystem::set_space(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  space_ = bytes;
}

void FaultFileSystem::crash_after(std::uint64_t operations) {
  const std::lock_guard lock(mutex_);
  crash_after_ = operations;
}

void FaultFileSystem::fail_creates(int error_number) {
  const std::lock_guard lock(mutex_);
  create_error_ = error_number;
}

void FaultFileSystem::fail_rename(std::uint64_t number) {
  const std::lock_guard lock(mutex_);
  fail_rename_ = number;
}

void FaultFileSystem::lose_rename(std::uint64_t number) {
  const std::lock_guard lock(mutex_);
  lose_rename_ = number;
}

void FaultFileSystem::fail_reads(const Path& path, Status status) {
  const std::lock_guard lock(mutex_);
  unreadable_[path] = std::move(status);
}

std::uint64_t FaultFileSystem::operations() const {
  const std::lock_guard lock(mutex_);
  return operations_;
}

bool FaultFileSystem::crashed() const {
  const std::lock_guard lock(mutex_);
  return crashed_;
}

Status FaultFileSystem::step() {
  if (crashed_) return dead();
  if (crash_after_ && operations_ >= *crash_after_) {
    crashed_ = true;
    power_cut();
    return dead();
  }
  ++operations_;
  return ok_status();
}

std::uint64_t FaultFileSystem::take_space(std::uint64_t wanted) {
  if (!space_) return wanted;
  const std::uint64_t taken = std::min(*space_, wanted);
  *space_ -= taken;
  return taken;
}

void FaultFileSystem::power_cut() {
  for (const auto& [created, synced] : synced_bytes_) {
    const auto renamed = renamed_.find(created);
    const Path& path = renamed == renamed_.end() ? created : renamed->second;
    std::error_code gone;
    const std::uintmax_t size = std::filesystem::file_size(path, gone);
    if (!gone && size > synced) {
      std::filesystem::resize_file(path, synced + (size - synced) / 2, gone);
    }
  }
  synced_bytes_.clear();
}

Result<std::string> FaultFileSystem::read_file(const Path& path, std::uint64_t bytes_max) {
  {
    const std::lock_guard lock(mutex_);
    const auto entry = unreadable_.find(path);
    if (entry != unreadable_.end()) return entry->second;
  }
  return real_.read_file(path, bytes_max);
}

Status FaultFileSystem::read_range(const Path& path, std::uint64_t offset,
                                   std::span<std::byte> target) {
  return real_.read_range(path, offset, target);
}

Result<std::uint64_t> FaultFileSystem::file_size(const Path& path) {
  return real_.file_size(path);
}

bool FaultFileSystem::exists(const Path& path) {
  return real_.exists(path);
}

Result<std::unique_ptr<WritableFile>> FaultFileSystem::create_file(const Path& path) {
  return create_by(&FileSystem::create_file, path);
}

Result<std::unique_ptr<WritableFile>> FaultFileSystem::create_direct_file(const Path& path) {
  return create_by(&FileSystem::create_direct_file, path);
}

Result<std::unique_ptr<WritableFile>> FaultFileSystem::create_by(Create create, const Path& path) {
  const std::lock_guard lock(mutex_);
  TA_RETURN_IF_ERROR(step());
  if (create_error_ != 0) return errno_status(create_error_, "create " + path.string());
  TA_ASSIGN_OR_RETURN(std::unique_ptr<WritableFile> file, (real_.*create)(path));
  renamed_.erase(path);
  return std::unique_ptr<WritableFile>(std::make_unique<File>(*this, std::move(file), path));
}

Status FaultFileSystem::write_durable(const Path& path, std::string_view contents) {
  const std::lock_guard lock(mutex_);
  TA_RETURN_IF_ERROR(step());
  if (take_space(contents.size()) < contents.size()) return disk_full(path);
  return real_.write_durable(path, contents);
}

Status FaultFileSystem::rename_durable(const Path& from, const Path& to) {
  const std::lock_guard lock(mutex_);
  TA_RETURN_IF_ERROR(step());
  const std::uint64_t number = renames_++;
  if (number == fail_rename_) return unavailable("rename " + from.string() + ": injected failure");
  if (number == lose_rename_) return ok_status();
  TA_RETURN_IF_ERROR(real_.rename_durable(from, to));
  renamed_[from] = to;
  return ok_status();
}

Status FaultFileSystem::create_directories(const Path& path) {
  const std::lock_guard lock(mutex_);
  TA_RETURN_IF_ERROR(step());
  return real_.create_directories(path);
}

Status FaultFileSystem::sync_directory(const Path& path) {
  const std::lock_guard lock(mutex_);
  TA_RETURN_IF_ERROR(step());
  return real_.sync_directory(path);
}

Result<std::vector<std::string>> FaultFileSystem::list_directory(const Path& path) {
  return real_.list_directory(path);
}

Status FaultFileSystem::remove_all(const Path& path) {
  const std::lock_guard lock(mutex_);
  TA_RETURN_IF_ERROR(step());
  return real_.remove_all(path);
}

Result<std::uint64_t> FaultFileSystem::free_bytes(const Path& path) {
  TA_ASSIGN_OR_RETURN(const std::uint64_t bytes, real_.free_bytes(path));
  const std::lock_guard lock(mutex_);
  return space_ ? std::min(*space_, bytes) : bytes;
}

}  // namespace tagalign::testing_support
