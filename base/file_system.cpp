#include "base/file_system.h"

namespace tagalign {
namespace {

class OpenedEachTime final : public ReadableFile {
 public:
  OpenedEachTime(FileSystem& files, Path path) : files_(files), path_(std::move(path)) {}
  Status read(std::uint64_t offset, std::span<std::byte> target) const override {
    return files_.read_range(path_, offset, target);
  }

 private:
  FileSystem& files_;
  Path path_;
};

}  // namespace

Result<std::unique_ptr<ReadableFile>> FileSystem::open_file(const Path& path) {
  return std::unique_ptr<ReadableFile>(std::make_unique<OpenedEachTime>(*this, path));
}

}  // namespace tagalign
