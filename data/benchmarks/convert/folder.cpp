#include <algorithm>

#include "base/format.h"
#include "base/limits.h"
#include "data/benchmarks/convert/converter_parts.h"
#include "data/benchmarks/convert/converters.h"

namespace tagalign::data {
namespace {

const std::vector<std::string> kLabelFolders{"labels", "masks", "annotations"};
const std::vector<std::string> kImageSuffixes{".jpg", ".jpeg", ".png"};
const Expectation kExpected{
    "a folder with images/, one of labels/, masks/, annotations/, and classes.txt (one class a "
    "line)",
    "your images, label maps (PNG of class indices, same names) and list of classes"};

const SourceFolder* labels_beside(const SourceTree& tree, const SourceFolder& folder) {
  for (const std::string& name : kLabelFolders) {
    if (const SourceFolder* labels = tree.at(folder.path / name); labels != nullptr) return labels;
  }
  return nullptr;
}

/// Two images of one name would share a label.
void name_doubles(const SourceFolder& images, const Stems& photos, Plan& plan) {
  for (const std::string& file : images.files) {
    const auto photo = photos.find(without_suffix(file, ending_of(file)));
    if (photo != photos.end() && photo->second != file)
      plan.missing.push_back({file, format("has the name of {}; rename one", photo->second)});
  }
}

bool has_classes(const SourceFolder& folder) {
  return std::find(folder.files.begin(), folder.files.end(), "classes.txt") != folder.files.end();
}

/// One class a line, without a mark at the start, carriage returns, blanks at the ends and empty
/// lines at the end.
Result<std::string> tidy_classes(FileSystem& files, const Path& path) {
  TA_ASSIGN_OR_RETURN(std::string text, files.read_file(path, limits::kConfigFileBytesMax));
  if (text.starts_with("\xef\xbb\xbf")) text.erase(0, 3);
  std::string lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string line = text.substr(begin, end - begin);
    lines += line.substr(0, line.find_last_not_of(" \t\r") + 1) + "\n";
    begin = end + 1;
  }
  while (lines.ends_with("\n\n")) lines.pop_back();
  return lines;
}

}  // namespace

Result<Plan> plan_folder(const ConverterInput& input) {
  TA_ASSIGN_OR_RETURN(const SourceTree tree,
                      SourceTree::scan(input.files, input.source, {}, input.without));
  const SourceFolder* root = tree.find([&](const SourceFolder& folder) {
    return has_classes(folder) && folder.has_folder("images") &&
           labels_beside(tree, folder) != nullptr;
  });
  if (root == nullptr) return wrong_source(input, tree, kExpected);
  const SourceFolder* images = tree.at(root->path / "images");
  const SourceFolder* labels = labels_beside(tree, *root);
  const Stems photos = stems_of(images, kImageSuffixes);
  const Stems maps = stems_of(labels, {".png"});
  Plan plan;
  name_doubles(*images, photos, plan);
  for (const auto& [stem, file] : photos) {
    plan.tasks.push_back({Path("images") / (stem + ending_of(file)), images->path / file, nullptr});
    if (!maps.contains(stem))
      plan.missing.push_back(
          {stem + ".png", format("{} has no map in {}", file, labels->path.string())});
  }
  for (const auto& [stem, file] : maps) {
    plan.tasks.push_back({Path("labels") / (stem + ".png"), labels->path / file, nullptr});
    if (!photos.contains(stem))
      plan.missing.push_back(
          {stem + ".jpg", format("{} has no image in {}", file, images->path.string())});
  }
  TA_ASSIGN_OR_RETURN(std::string classes, tidy_classes(input.files, root->path / "classes.txt"));
  plan.texts.emplace_back("classes.txt", std::move(classes));
  return plan;
}

}  // namespace tagalign::data
