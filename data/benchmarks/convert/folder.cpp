#include <algorithm>

#include "base/counted.h"
#include "base/format.h"
#include "base/utf8.h"
#include "data/benchmarks/convert/converter_parts.h"
#include "data/benchmarks/convert/converters.h"
#include "data/datasets/class_list.h"
#include "data/datasets/folder_files.h"

namespace tagalign::data {
namespace {

const std::vector<std::string> kLabelFolders{"labels", "masks", "annotations"};
const Expectation kExpected{
    "a folder with images/, one of labels/, masks/, annotations/, and classes.txt (one class a "
    "line)",
    "your images, label maps (PNG of class indices, same names) and list of classes"};

bool is_like(const std::string& name, std::string_view expected) {
  return name.size() == expected.size() && ends_like(name, expected);
}

/// The folder of that name, capitals or not, in another; empty: none.
Path folder_inside(const SourceFolder& folder, std::string_view name) {
  for (const std::string& each : folder.folders) {
    if (is_like(each, name)) return folder.path / each;
  }
  return {};
}

/// The parts of the data set; empty: not there.
struct Parts {
  Path images;
  Path labels;
  Path classes;

  bool complete() const { return !images.empty() && !labels.empty() && !classes.empty(); }
};

Parts parts_of(const SourceFolder& folder) {
  Parts parts{.images = folder_inside(folder, "images")};
  for (const std::string& name : kLabelFolders) {
    if (parts.labels.empty()) parts.labels = folder_inside(folder, name);
  }
  for (const std::string& file : folder.files) {
    if (is_like(file, "classes.txt")) parts.classes = folder.path / file;
  }
  return parts;
}

/// Files to copy below `target`, with the endings in lower case.
void add_copies(const FolderFiles& found, const Path& from, const Path& target, Plan& plan) {
  for (const auto& [name, file] : found.by_name) {
    const std::string ending = ending_of(file);
    plan.tasks.push_back({target / (name + ending), from / file, nullptr});
  }
}

/// Two images of one name would share a label.
void name_doubles(const FolderFiles& found, Plan& plan) {
  for (const auto& [file, other] : found.doubles)
    plan.missing.push_back({file, format("has the name of {}; rename one", printable(other))});
}

void note_others(const FolderFiles& found, const Path& folder, Plan& plan) {
  if (found.others.empty()) return;
  std::vector<std::string> first;
  for (std::size_t i = 0; i < std::min(found.others.size(), kOffendersNamed); ++i)
    first.push_back(printable(found.others[i]));
  plan.notes.push_back(format("left out, not images or label maps by their endings: {} in {}: {}{}",
                              counted(found.others.size(), "file"), folder.string(),
                              fmt::join(first, ", "),
                              found.others.size() > first.size() ? ", …" : ""));
}

void name_missing(const FolderFiles& images, const FolderFiles& labels, const Parts& parts,
                  Plan& plan) {
  for (const auto& [name, file] : images.by_name) {
    if (!labels.by_name.contains(name))
      plan.missing.push_back(
          {name + ".png", format("{} has no map in {}", printable(file), parts.labels.string())});
  }
  for (const auto& [name, file] : labels.by_name) {
    if (!images.by_name.contains(name))
      plan.missing.push_back(
          {name + ".jpg", format("{} has no image in {}", printable(file), parts.images.string())});
  }
}

std::string lines_of(const std::vector<std::string>& classes) {
  return format("{}\n", fmt::join(classes, "\n"));
}

}  // namespace

/// Folders are walked and classes read as the evaluation does it.
Result<Plan> plan_folder(const ConverterInput& input) {
  TA_ASSIGN_OR_RETURN(const SourceTree tree,
                      SourceTree::scan(input.files, input.source, {}, input.without));
  const SourceFolder* root =
      tree.find([](const SourceFolder& folder) { return parts_of(folder).complete(); });
  if (root == nullptr) return wrong_source(input, tree, kExpected);
  const Parts parts = parts_of(*root);
  TA_ASSIGN_OR_RETURN(const auto classes, read_classes(input.files, parts.classes));
  TA_ASSIGN_OR_RETURN(const FolderFiles images,
                      list_folder(input.files, parts.images, usual_image_endings()));
  TA_ASSIGN_OR_RETURN(const FolderFiles labels,
                      list_folder(input.files, parts.labels, {{".png"}, true}));
  Plan plan;
  add_copies(images, parts.images, "images", plan);
  add_copies(labels, parts.labels, "labels", plan);
  for (const FolderFiles* found : {&images, &labels}) name_doubles(*found, plan);
  note_others(images, parts.images, plan);
  note_others(labels, parts.labels, plan);
  name_missing(images, labels, parts, plan);
  plan.texts.emplace_back("classes.txt", lines_of(classes));
  return plan;
}

}  // namespace tagalign::data
