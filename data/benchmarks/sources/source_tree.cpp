#include "data/benchmarks/sources/source_tree.h"

#include <algorithm>

#include "base/format.h"

namespace tagalign::data {
namespace {

constexpr std::size_t kLevels = 7;
constexpr std::size_t kNamesShown = 12;

/// Endings of what the archives hold as files: listing them as folders would cost a call each.
const std::set<std::string>& file_endings() {
  static const std::set<std::string> all{".jpg", ".jpeg", ".png", ".txt", ".json", ".xml", ".md",
                                         ".zip", ".tar",  ".gz",  ".tgz", ".mat",  ".csv", ".pdf",
                                         ".py",  ".sh",   ".npy", ".yml", ".bmp",  ".html"};
  return all;
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

Result<SourceFolder> list_folder(FileSystem& files, const Path& path,
                                 const std::vector<std::string>& names,
                                 const std::set<std::string>& skipped) {
  SourceFolder folder{path, {}, {}};
  for (const std::string& name : names) {
    if (is_junk(name) || skipped.contains(name)) continue;
    if (file_endings().contains(ending_of(name))) {
      folder.files.push_back(name);
      continue;
    }
    const auto inside = files.list_directory(path / name);
    if (inside.ok()) {
      folder.folders.push_back(name);
    } else if (inside.status().code() == ErrorCode::kPermissionDenied) {
      return inside.status();
    } else {
      folder.files.push_back(name);
    }
  }
  return folder;
}

std::string count_of(std::size_t count, const char* what) {
  return format("{} {}{}", count, what, count == 1 ? "" : "s");
}

}  // namespace

std::string ending_of(std::string_view name) {
  std::string ending = Path(name).extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(), lower);
  return ending;
}

std::string without_suffix(std::string_view name, std::string_view suffix) {
  TA_CHECK(name.size() >= suffix.size());
  return std::string(name.substr(0, name.size() - suffix.size()));
}

bool SourceFolder::has_file_like(std::string_view suffix) const {
  return std::any_of(files.begin(), files.end(),
                     [&](const std::string& file) { return ends_like(file, suffix); });
}

bool SourceFolder::has_folder(std::string_view folder) const {
  return std::find(folders.begin(), folders.end(), folder) != folders.end();
}

Result<SourceTree> SourceTree::scan(FileSystem& files, const Path& source,
                                    const std::set<std::string>& skipped, const Path& without) {
  SourceTree tree;
  tree.source_ = source;
  std::vector<Path> level{source};
  for (std::size_t depth = 0; depth < kLevels && !level.empty(); ++depth) {
    std::vector<Path> next;
    for (const Path& path : level) {
      const auto names = files.list_directory(path);
      if (!names.ok()) return names.status().with_context("look for the data set's files");
      TA_ASSIGN_OR_RETURN(SourceFolder folder, list_folder(files, path, *names, skipped));
      std::erase_if(folder.folders, [&](const auto& name) { return path / name == without; });
      for (const std::string& name : folder.folders) next.push_back(path / name);
      tree.positions_.emplace(path, tree.folders_.size());
      tree.folders_.push_back(std::move(folder));
    }
    level = std::move(next);
  }
  return tree;
}

const SourceFolder* SourceTree::find(
    const std::function<bool(const SourceFolder&)>& matches) const {
  const auto found = std::find_if(folders_.begin(), folders_.end(), matches);
  return found == folders_.end() ? nullptr : &*found;
}

std::vector<const SourceFolder*> SourceTree::find_all(
    const std::function<bool(const SourceFolder&)>& matches) const {
  std::vector<const SourceFolder*> found;
  for (const SourceFolder& folder : folders_) {
    if (matches(folder)) found.push_back(&folder);
  }
  return found;
}

const SourceFolder* SourceTree::at(const Path& path) const {
  const auto found = positions_.find(path);
  return found == positions_.end() ? nullptr : &folders_[found->second];
}

std::optional<Path> SourceTree::find_file(std::string_view name) const {
  for (const SourceFolder& folder : folders_) {
    if (std::binary_search(folder.files.begin(), folder.files.end(), name))
      return folder.path / name;
  }
  return std::nullopt;
}

std::string SourceTree::summary() const {
  std::string text;
  std::size_t shown = 0;
  for (const SourceFolder& folder : folders_) {
    if (shown == kNamesShown) return text + ", …";
    const Path relative = folder.path.lexically_relative(source_);
    text +=
        format("{}{} ({}, {})", shown++ == 0 ? "" : ", ",
               relative == "." ? "the folder itself" : relative.string(),
               count_of(folder.folders.size(), "folder"), count_of(folder.files.size(), "file"));
  }
  return text;
}

}  // namespace tagalign::data
