#include "tests/support/forgetful/forgetful_file_system.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace tagalign::testing_support {
namespace {

std::string_view text_of(ByteSpan bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

// ---------------------------------------------------------------- the machine

void ForgetfulMachine::strike(Misfortune misfortune, std::uint64_t at) {
  const std::lock_guard lock(mutex_);
  misfortune_ = misfortune;
  at_ = at;
  changes_ = 0;
}

std::uint64_t ForgetfulMachine::changes() const {
  const std::lock_guard lock(mutex_);
  return changes_;
}

Tree ForgetfulMachine::visible() const {
  const std::lock_guard lock(mutex_);
  return disk_.visible();
}

std::set<Tree> ForgetfulMachine::after_power_cut() const {
  const std::lock_guard lock(mutex_);
  return disk_.after_power_cut();
}

Status ForgetfulMachine::alive() const {
  const bool dead = misfortune_ == Misfortune::kPowerCut && changes_ > at_;
  return dead ? unavailable("injected power cut: the machine is off") : ok_status();
}

ForgetfulMachine::Fate ForgetfulMachine::next(Verb verb, const Path& path) {
  if (const Status up = alive(); !up.ok()) return {up, false, false};
  const std::uint64_t number = changes_++;
  const bool now = number == at_, since = number >= at_;
  const bool takes_room = verb == Verb::kCreate || verb == Verb::kAppend || verb == Verb::kSync;
  const std::string what = "injected at " + path.string();
  switch (misfortune_) {
    case Misfortune::kNone:
      return {};
    case Misfortune::kPowerCut:
      return now ? Fate{alive(), false, true} : Fate{};
    case Misfortune::kErrorOnce:
      return now ? Fate{errno_status(EIO, what), false, true} : Fate{};
    case Misfortune::kErrorThoughDone:
      return now ? Fate{errno_status(EIO, what), true, true} : Fate{};
    case Misfortune::kErrorsForEver:
      return since ? Fate{errno_status(EIO, what), false, true} : Fate{};
    case Misfortune::kDiskFull:
      return since && takes_room ? Fate{errno_status(ENOSPC, what), false, true} : Fate{};
    case Misfortune::kSyncThatLies: {
      const bool lies = now && (verb == Verb::kSync || verb == Verb::kSyncFolder);
      return lies ? Fate{ok_status(), false, true} : Fate{};
    }
  }
  return {};
}

// ---------------------------------------------------------------- single changes

Result<Disk::Node> ForgetfulFileSystem::file_node(const Path& path) const {
  TA_RETURN_IF_ERROR(machine_.alive());
  const auto node = machine_.disk_.find(path);
  if (!node) return errno_status(ENOENT, "open " + path.string());
  if (machine_.disk_.is_folder(*node)) return invalid_argument(path.string() + ": is a folder");
  return *node;
}

Result<Disk::Node> ForgetfulFileSystem::folder_node(const Path& path) const {
  TA_RETURN_IF_ERROR(machine_.alive());
  const auto node = machine_.disk_.find(path);
  if (!node) return errno_status(ENOENT, "open folder " + path.string());
  if (!machine_.disk_.is_folder(*node)) return errno_status(ENOTDIR, "open " + path.string());
  return *node;
}

Result<Disk::Node> ForgetfulFileSystem::create(const Path& path, bool folder) {
  TA_ASSIGN_OR_RETURN(const Disk::Node parent, folder_node(path.parent_path()));
  const auto fate = machine_.next(Verb::kCreate, path);
  if (!fate.happens) return fate.status;
  const Disk::Node node = machine_.disk_.create(parent, path.filename().string(), folder);
  if (!fate.status.ok()) return fate.status;
  return node;
}

Status ForgetfulFileSystem::append(Disk::Node node, ByteSpan bytes, const Path& path) {
  const auto fate = machine_.next(Verb::kAppend, path);
  const bool torn = fate.struck && !fate.happens;
  if (fate.happens || torn) {
    machine_.disk_.append(node, text_of(torn ? bytes.first(bytes.size() / 2) : bytes));
  }
  return fate.status;
}

Status ForgetfulFileSystem::sync(Disk::Node node, const Path& path) {
  const auto fate = machine_.next(Verb::kSync, path);
  if (fate.happens) machine_.disk_.sync_file(node);
  // A power cut or a lie leaves the bytes as they are; an error makes the kernel drop them.
  const bool dropped = fate.struck && !fate.happens && machine_.alive().ok() && !fate.status.ok();
  if (dropped) machine_.disk_.forget_unsynced(node);
  return fate.status;
}

Status ForgetfulFileSystem::sync_folder(const Path& path) {
  TA_ASSIGN_OR_RETURN(const Disk::Node node, folder_node(path));
  const auto fate = machine_.next(Verb::kSyncFolder, path);
  if (fate.happens) machine_.disk_.sync_folder(node);
  return fate.status;
}

Status ForgetfulFileSystem::rename(const Path& from, const Path& to) {
  Disk& disk = machine_.disk_;
  TA_ASSIGN_OR_RETURN(const Disk::Node source, folder_node(from.parent_path()));
  TA_ASSIGN_OR_RETURN(const Disk::Node target, folder_node(to.parent_path()));
  const auto moved = disk.find(from), replaced = disk.find(to);
  if (!moved) return errno_status(ENOENT, "rename " + from.string());
  if (replaced && (disk.is_folder(*moved) || disk.is_folder(*replaced))) {
    return errno_status(EEXIST, "rename " + from.string() + " to " + to.string());
  }
  const auto fate = machine_.next(Verb::kRename, to);
  if (fate.happens) disk.rename(source, from.filename().string(), target, to.filename().string());
  return fate.status;
}

Status ForgetfulFileSystem::remove(const Path& path) {
  const auto node = machine_.disk_.find(path);
  if (!node) return machine_.alive();
  if (machine_.disk_.is_folder(*node)) {
    for (const std::string& name : machine_.disk_.names_in(*node)) {
      TA_RETURN_IF_ERROR(remove(path / name));
    }
  }
  TA_ASSIGN_OR_RETURN(const Disk::Node parent, folder_node(path.parent_path()));
  const auto fate = machine_.next(Verb::kRemove, path);
  if (fate.happens) machine_.disk_.unlink(parent, path.filename().string());
  return fate.status;
}

// ---------------------------------------------------------------- the interface

class ForgetfulFileSystem::File final : public WritableFile {
 public:
  File(ForgetfulFileSystem files, Disk::Node node, Path path)
      : files_(std::move(files)), node_(node), path_(std::move(path)) {}
  Status append(ByteSpan bytes) override {
    files_.enter();
    const std::lock_guard lock(files_.machine_.mutex_);
    return files_.append(node_, bytes, path_);
  }
  Status sync() override {
    files_.enter();
    const std::lock_guard lock(files_.machine_.mutex_);
    return files_.sync(node_, path_);
  }
  Status close() override { return ok_status(); }

 private:
  ForgetfulFileSystem files_;
  Disk::Node node_;
  Path path_;
};

Result<std::string> ForgetfulFileSystem::read_file(const Path& path, std::uint64_t bytes_max) {
  enter();
  const std::lock_guard lock(machine_.mutex_);
  TA_ASSIGN_OR_RETURN(const Disk::Node node, file_node(path));
  const std::string& bytes = machine_.disk_.bytes(node);
  if (bytes.size() > bytes_max) return invalid_argument(path.string() + ": larger than the limit");
  return bytes;
}

Status ForgetfulFileSystem::read_range(const Path& path, std::uint64_t offset,
                                       std::span<std::byte> target) {
  enter();
  const std::lock_guard lock(machine_.mutex_);
  TA_ASSIGN_OR_RETURN(const Disk::Node node, file_node(path));
  const std::string& bytes = machine_.disk_.bytes(node);
  if (target.empty()) return ok_status();
  if (offset > bytes.size() || bytes.size() - offset < target.size())
    return data_loss(path.string() + ": the file is shorter");
  std::memcpy(target.data(), bytes.data() + offset, target.size());
  return ok_status();
}

Result<std::uint64_t> ForgetfulFileSystem::file_size(const Path& path) {
  enter();
  const std::lock_guard lock(machine_.mutex_);
  TA_ASSIGN_OR_RETURN(const Disk::Node node, file_node(path));
  return std::uint64_t{machine_.disk_.bytes(node).size()};
}

bool ForgetfulFileSystem::exists(const Path& path) {
  enter();
  const std::lock_guard lock(machine_.mutex_);
  return machine_.alive().ok() && machine_.disk_.find(path).has_value();
}

Result<std::unique_ptr<WritableFile>> ForgetfulFileSystem::create_file(const Path& path) {
  enter();
  const std::lock_guard lock(machine_.mutex_);
  TA_ASSIGN_OR_RETURN(const Disk::Node node, create(path, false));
  return std::unique_ptr<WritableFile>(std::make_unique<File>(*this, node, path));
}

Status ForgetfulFileSystem::write_durable(const Path& path, std::string_view contents) {
  enter();
  const std::lock_guard lock(machine_.mutex_);
  const Path temporary = path.parent_path() / ("." + path.filename().string() + ".tmp-" +
                                               std::to_string(machine_.temporary_++));
  const auto written = [&]() -> Status {
    TA_ASSIGN_OR_RETURN(const Disk::Node node, create(temporary, false));
    TA_RETURN_IF_ERROR(append(node, as_bytes(contents), temporary));
    TA_RETURN_IF_ERROR(sync(node, temporary));
    TA_RETURN_IF_ERROR(rename(temporary, path));
    return sync_folder(path.parent_path());
  }();
  if (!written.ok()) (void)remove(temporary);
  return written;
}

Status ForgetfulFileSystem::rename_durable(const Path& from, const Path& to) {
  enter();
  const std::lock_guard lock(machine_.mutex_);
  TA_RETURN_IF_ERROR(rename(from, to));
  TA_RETURN_IF_ERROR(sync_folder(to.parent_path()));
  if (from.parent_path() == to.parent_path()) return ok_status();
  return sync_folder(from.parent_path());
}

Status ForgetfulFileSystem::create_directories(const Path& path) {
  enter();
  const std::lock_guard lock(machine_.mutex_);
  Path so_far = "/";
  for (const Path& part : path.lexically_normal().relative_path()) {
    if (part.empty()) continue;
    so_far /= part;
    if (machine_.disk_.find(so_far)) continue;
    const Result<Disk::Node> made = create(so_far, true);
    if (!made.ok()) return made.status();
  }
  return machine_.alive();
}

Status ForgetfulFileSystem::sync_directory(const Path& path) {
  enter();
  const std::lock_guard lock(machine_.mutex_);
  return sync_folder(path);
}

Result<std::vector<std::string>> ForgetfulFileSystem::list_directory(const Path& path) {
  enter();
  const std::lock_guard lock(machine_.mutex_);
  TA_ASSIGN_OR_RETURN(const Disk::Node node, folder_node(path));
  return machine_.disk_.names_in(node);
}

Status ForgetfulFileSystem::remove_all(const Path& path) {
  enter();
  const std::lock_guard lock(machine_.mutex_);
  return remove(path);
}

Result<std::uint64_t> ForgetfulFileSystem::free_bytes(const Path&) {
  const std::lock_guard lock(machine_.mutex_);
  const bool full =
      machine_.misfortune_ == Misfortune::kDiskFull && machine_.changes_ > machine_.at_;
  return full ? std::uint64_t{0} : std::uint64_t{1} << 40;
}

}  // namespace tagalign::testing_support
