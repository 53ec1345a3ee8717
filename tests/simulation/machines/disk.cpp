#include "tests/simulation/machines/disk.h"

#include <algorithm>
#include <cstring>

#include "base/format.h"

namespace tagalign::simulation {
namespace {

Status disk_full(const std::string& what) {
  return no_space(format("write {}: the disk is full (injected)", what));
}

bool is_below(const std::string& path, const std::string& folder) {
  return path.size() > folder.size() && path.starts_with(folder) && path[folder.size()] == '/';
}

}  // namespace

class Disk::Writer final : public WritableFile {
 public:
  Writer(Disk& disk, std::shared_ptr<File> file) : disk_(disk), file_(std::move(file)) {}

  Status append(ByteSpan bytes) override {
    const std::size_t count = disk_.full ? bytes.size() / 2 : bytes.size();
    file_->bytes.append(reinterpret_cast<const char*>(bytes.data()), count);
    return disk_.full ? disk_full("a file") : ok_status();
  }
  Status sync() override {
    file_->synced = file_->bytes.size();
    return ok_status();
  }
  Status close() override { return ok_status(); }

 private:
  Disk& disk_;
  std::shared_ptr<File> file_;
};

void Disk::power_cut(RandomStream& random) {
  for (auto& [path, file] : removed_) {
    if (random.chance(0.5)) files_.try_emplace(path, file);
  }
  removed_.clear();
  std::erase_if(
      files_, [&](const auto& entry) { return !entry.second->name_synced && random.chance(0.5); });
  for (auto& [path, file] : files_) {
    const std::size_t loose = file->bytes.size() - file->synced;
    file->bytes.resize(file->synced + random.below(loose + 1));
    file->synced = file->bytes.size();
    file->name_synced = true;
  }
}

void Disk::wipe() {
  full = false;
  files_.clear();
  removed_.clear();
  folders_.clear();
}

Result<std::shared_ptr<Disk::File>> Disk::find(const Path& path) const {
  const auto found = files_.find(path.string());
  if (found == files_.end()) return not_found("read " + path.string() + ": there is no such file");
  return found->second;
}

Result<std::string> Disk::read_file(const Path& path, std::uint64_t bytes_max) {
  TA_ASSIGN_OR_RETURN(const auto file, find(path));
  if (file->bytes.size() > bytes_max) {
    return invalid_argument(format("read {}: it has {} bytes, expected at most {}", path.string(),
                                   file->bytes.size(), bytes_max));
  }
  return file->bytes;
}

Status Disk::read_range(const Path& path, std::uint64_t offset, std::span<std::byte> target) {
  TA_ASSIGN_OR_RETURN(const auto file, find(path));
  if (offset + target.size() > file->bytes.size()) {
    return data_loss("read " + path.string() + ": the file is shorter");
  }
  std::memcpy(target.data(), file->bytes.data() + offset, target.size());
  return ok_status();
}

Result<std::uint64_t> Disk::file_size(const Path& path) {
  TA_ASSIGN_OR_RETURN(const auto file, find(path));
  return std::uint64_t{file->bytes.size()};
}

bool Disk::exists(const Path& path) {
  return files_.contains(path.string()) || folders_.contains(path.string());
}

Result<std::unique_ptr<WritableFile>> Disk::create_file(const Path& path) {
  if (full) return disk_full(path.string());
  auto file = std::make_shared<File>();
  if (const auto old = files_.find(path.string()); old != files_.end()) {
    file->name_synced = old->second->name_synced;
  }
  files_[path.string()] = file;
  return std::unique_ptr<WritableFile>(std::make_unique<Writer>(*this, std::move(file)));
}

Status Disk::write_durable(const Path& path, std::string_view contents) {
  if (full) return disk_full(path.string());
  files_[path.string()] =
      std::make_shared<File>(File{std::string(contents), contents.size(), true});
  return sync_directory(path.parent_path());
}

Status Disk::rename_durable(const Path& from, const Path& to) {
  TA_ASSIGN_OR_RETURN(const auto file, find(from));
  files_.erase(from.string());
  file->name_synced = true;
  files_[to.string()] = file;
  return ok_status();
}

Status Disk::create_directories(const Path& path) {
  if (full && !folders_.contains(path.string())) return disk_full(path.string());
  folders_.insert(path.string());
  return ok_status();
}

Status Disk::sync_directory(const Path& path) {
  const std::string folder = path.string();
  for (auto& [name, file] : files_) {
    if (is_below(name, folder)) file->name_synced = true;
  }
  std::erase_if(removed_, [&](const auto& entry) { return is_below(entry.first, folder); });
  return ok_status();
}

Result<std::vector<std::string>> Disk::list_directory(const Path& path) {
  std::vector<std::string> names;
  for (const auto& [name, file] : files_) {
    if (Path(name).parent_path() == path) names.push_back(Path(name).filename().string());
  }
  return names;
}

Status Disk::remove_all(const Path& path) {
  const std::string root = path.string();
  for (auto it = files_.begin(); it != files_.end();) {
    if (it->first != root && !is_below(it->first, root)) {
      ++it;
      continue;
    }
    if (it->second->name_synced) removed_[it->first] = it->second;
    it = files_.erase(it);
  }
  std::erase_if(folders_, [&](const auto& name) { return name == root || is_below(name, root); });
  return ok_status();
}

Result<std::uint64_t> Disk::free_bytes(const Path&) {
  return std::uint64_t{full ? 0u : 1u << 30};
}

}  // namespace tagalign::simulation
