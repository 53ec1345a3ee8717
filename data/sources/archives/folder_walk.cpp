#include "data/sources/archives/folder_walk.h"

#include <algorithm>
#include <system_error>

#include "data/sources/archives/archive_names.h"
#include "data/sources/files/shard_files.h"

namespace tagalign::data {
namespace {

namespace fs = std::filesystem;

/// A name in one folder.
struct Listed {
  std::string name;
  bool is_folder = false;
  std::string no_file;  ///< what else it is: "a FIFO"

  bool operator<(const Listed& other) const { return name < other.name; }
};

/// What is neither folder nor regular file; empty for what is gone since it was listed.
std::string kind_of(const fs::directory_entry& entry) {
  std::error_code error;
  const fs::file_type type = entry.status(error).type();
  if (error == std::errc::too_many_symbolic_link_levels) return "a link to itself";
  if (type == fs::file_type::not_found) return entry.is_symlink(error) ? "a link to nothing" : "";
  if (error) return error.message();
  if (type == fs::file_type::fifo) return "a FIFO";
  return type == fs::file_type::socket ? "a socket" : "a device";
}

Result<std::vector<Listed>> list_sorted(const Path& folder) {
  std::error_code error;
  std::vector<Listed> found;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::error_code of_entry;
    std::string name = it->path().filename().string();
    if (name.starts_with('.')) continue;
    const bool is_folder = it->is_directory(of_entry);
    const bool is_either = is_folder || it->is_regular_file(of_entry);
    found.push_back({std::move(name), is_folder, is_either ? "" : kind_of(*it)});
    if (!is_either && found.back().no_file.empty()) found.pop_back();
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
      if (!one.no_file.empty())
        leave_out(name, one.no_file);
      else
        TA_RETURN_IF_ERROR(one.is_folder ? run(name) : visit(name));
    }
    return ok_status();
  }

  WalkEnd end;

 private:
  void leave_out(const std::string& name, const std::string& kind) {
    if (!is_image_name(name)) return;
    NamesOfAKind& found = end.no_files[kind];
    if (found.count++ == 0) found.first = name;
  }

  Status visit(const std::string& name) {
    std::error_code error;
    const auto bytes = fs::file_size(root_ / name, error);
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
  FolderWalk walk(folder, sink);
  TA_RETURN_IF_ERROR(walk.run(""));
  return std::move(walk.end);
}

}  // namespace tagalign::data
