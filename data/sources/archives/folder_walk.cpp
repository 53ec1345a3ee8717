#include "data/sources/archives/folder_walk.h"

#include <algorithm>
#include <system_error>

#include "data/sources/files/shard_files.h"

namespace tagalign::data {
namespace {

/// A name in one folder.
struct Listed {
  std::string name;
  bool is_folder = false;

  bool operator<(const Listed& other) const { return name < other.name; }
};

Result<std::vector<Listed>> list_sorted(const Path& folder) {
  std::error_code error;
  std::vector<Listed> found;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    std::error_code of_entry;
    std::string name = it->path().filename().string();
    if (name.starts_with('.')) continue;
    const bool is_folder = it->is_directory(of_entry);
    if (is_folder || it->is_regular_file(of_entry)) found.push_back({std::move(name), is_folder});
  }
  if (error) return errno_status(error.value(), "list folder " + folder.string());
  std::sort(found.begin(), found.end());
  return found;
}

class FolderWalk {
 public:
  FolderWalk(const Path& root, MemberSink& sink) : root_(root), sink_(sink) {}

  Status run(const std::string& below) {
    TA_ASSIGN_OR_RETURN(const auto found, list_sorted(root_ / below));
    for (const Listed& one : found) {
      const std::string name = below.empty() ? one.name : below + "/" + one.name;
      TA_RETURN_IF_ERROR(one.is_folder ? run(name) : visit(name));
    }
    return ok_status();
  }

 private:
  Status visit(const std::string& name) {
    std::error_code error;
    const auto bytes = std::filesystem::file_size(root_ / name, error);
    if (error) return ok_status();  // gone since it was listed
    std::string text;
    if (sink_.wants_text(name, bytes)) {
      TA_ASSIGN_OR_RETURN(const auto file, OpenFile::open(root_ / name));
      TA_RETURN_IF_ERROR(file->read(0, bytes, text));
    }
    return sink_.add({name, {0, bytes, bytes, MemberCoding::kFile}, text});
  }

  const Path& root_;
  MemberSink& sink_;
};

}  // namespace

Result<WalkEnd> walk_folder(const Path& folder, MemberSink& sink) {
  TA_RETURN_IF_ERROR(FolderWalk(folder, sink).run(""));
  return WalkEnd{};
}

}  // namespace tagalign::data
