#include "data/datasets/folder_files.h"

#include <algorithm>

#include "base/format.h"

namespace tagalign::data {
namespace {

constexpr int kFolderDepthMax = 16;

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

class Walk {
 public:
  Walk(FileSystem& files, const Path& root, const Endings& endings)
      : files_(files), root_(root), endings_(endings) {}

  Result<FolderFiles> run() {
    TA_ASSIGN_OR_RETURN(const auto entries, files_.list_directory(root_));
    TA_RETURN_IF_ERROR(enter("", entries, 0));
    return std::move(found_);
  }

 private:
  Status enter(const std::string& prefix, const std::vector<std::string>& entries, int depth) {
    if (depth > kFolderDepthMax) {
      return invalid_argument(format("list {}: folders nest deeper than {}; is there a circle?",
                                     (root_ / prefix).string(), kFolderDepthMax));
    }
    for (const std::string& entry : entries) {
      if (is_junk(entry)) continue;
      const std::string file = prefix + entry;
      if (const std::size_t suffix = endings_.match(entry); suffix > 0) {
        add(file.substr(0, file.size() - suffix), file);
      } else if (const auto below = files_.list_directory(root_ / file); below.ok()) {
        TA_RETURN_IF_ERROR(enter(file + "/", *below, depth + 1));
      } else if (below.status().code() == ErrorCode::kPermissionDenied) {
        return below.status();
      } else {
        found_.others.push_back(file);
      }
    }
    return ok_status();
  }

  void add(const std::string& name, const std::string& file) {
    const auto [other, fresh] = found_.by_name.emplace(name, file);
    if (!fresh) found_.doubles.emplace_back(file, other->second);
  }

  FileSystem& files_;
  const Path& root_;
  const Endings& endings_;
  FolderFiles found_;
};

}  // namespace

bool is_junk(std::string_view name) {
  return name.starts_with('.') || name == "__MACOSX" || name == "Thumbs.db" ||
         name == "desktop.ini" || name == "@eaDir";
}

bool ends_like(std::string_view name, std::string_view suffix) {
  return name.size() >= suffix.size() &&
         std::equal(suffix.rbegin(), suffix.rend(), name.rbegin(),
                    [](char a, char b) { return lower(a) == lower(b); });
}

std::size_t Endings::match(std::string_view file) const {
  for (const std::string& suffix : suffixes) {
    if (file.size() <= suffix.size()) continue;
    if (any_case ? ends_like(file, suffix) : file.ends_with(suffix)) return suffix.size();
  }
  return 0;
}

Endings usual_image_endings() {
  return {.suffixes = {".jpg", ".jpeg", ".png"}, .any_case = true};
}

Result<FolderFiles> list_folder(FileSystem& files, const Path& folder, const Endings& endings) {
  return Walk(files, folder, endings).run();
}

}  // namespace tagalign::data
