#include <algorithm>
#include <memory>

#include "base/format.h"
#include "data/benchmarks/convert/converter_parts.h"
#include "data/benchmarks/convert/converters.h"

namespace tagalign::data {
namespace {

constexpr char kLabelFolder[] = "validation-segmentation";
constexpr char kPhotoFolder[] = "validation";
constexpr char kPhotoEnding[] = ".JPEG";
constexpr std::uint16_t kIgnored = 1000;
constexpr int kAllClasses = 919;

/// "ImageNetS50" of imagenets50.
std::string folder_name(int classes) {
  return format("ImageNetS{}", classes);
}

int classes_of(const std::string& benchmark) {
  return benchmark == "imagenets50" ? 50 : benchmark == "imagenets300" ? 300 : kAllClasses;
}

Expectation expectation(int classes) {
  return {format("a folder {}/{} with label maps, and the photographs ILSVRC2012_val_*.JPEG of "
                 "ImageNet's validation set",
                 folder_name(classes), kLabelFolder),
          format("{}-….zip of the ImageNet-S release and ILSVRC2012_img_val.tar{}",
                 folder_name(classes),
                 classes == kAllClasses
                     ? ""
                     : format(" (or ImageNetS919-….zip with ImageNetS_categories_im919.txt, "
                              "ImageNetS_categories_im{0}.txt and ImageNetS_im{0}_validation.txt "
                              "of the ImageNet-S repository)",
                              classes))};
}

/// Photographs of the validation set by name without ending, wherever they lie.
std::map<std::string, Path> find_photos(const SourceTree& tree) {
  std::map<std::string, Path> photos;
  for (const SourceFolder* folder : tree.find_all([](const SourceFolder&) { return true; })) {
    for (const std::string& file : folder->files) {
      const std::string ending = ending_of(file);
      if (ending != ".jpeg" && ending != ".jpg") continue;
      photos.emplace(without_suffix(file, ending), folder->path / file);
    }
  }
  return photos;
}

/// The folder of label maps of so many classes; nullptr: none.
const SourceFolder* find_labels(const SourceTree& tree, int classes) {
  return tree.find([&](const SourceFolder& folder) {
    return folder.name() == kLabelFolder && !folder.folders.empty() &&
           folder.path.parent_path().filename() == folder_name(classes);
  });
}

void plan_photo(const std::map<std::string, Path>& photos, const Path& label, Plan& plan) {
  const auto photo = photos.find(label.stem().string());
  const Path target =
      Path(kPhotoFolder) / label.parent_path() / (label.stem().string() + kPhotoEnding);
  if (photo == photos.end()) {
    plan.missing.push_back({target.string(), "labelled, but the photograph is not in the source"});
  } else {
    plan.tasks.push_back({target, photo->second, nullptr});
  }
}

/// The subset's own annotations, as they are.
void plan_own(const SourceTree& tree, const SourceFolder& labels, Plan& plan) {
  const auto photos = find_photos(tree);
  for (const std::string& synset : labels.folders) {
    const SourceFolder* folder = tree.at(labels.path / synset);
    for (const auto& [stem, file] : stems_of(folder, {".png"})) {
      const Path label = Path(synset) / (stem + ".png");
      plan.tasks.push_back({Path(kLabelFolder) / label, folder->path / file, nullptr});
      plan_photo(photos, label, plan);
    }
  }
}

/// New id by ImageNet-S-919 id; an id beyond it is of another data set.
using IdTable = std::vector<std::uint16_t>;

/// Ids are the line numbers, from 1, of the sorted synsets; classes outside the subset become 0.
IdTable subset_table(std::vector<std::string> all, std::vector<std::string> subset) {
  std::sort(all.begin(), all.end());
  std::sort(subset.begin(), subset.end());
  IdTable table{0};
  for (const std::string& synset : all) {
    const auto found = std::lower_bound(subset.begin(), subset.end(), synset);
    const bool inside = found != subset.end() && *found == synset;
    table.push_back(inside ? static_cast<std::uint16_t>(found - subset.begin() + 1)
                           : std::uint16_t{0});
  }
  return table;
}

Image as_colours(const LabelMap& label) {
  Image image{label.width, label.height, 3, {}};
  image.pixels.reserve(label.ids.size() * 3);
  for (const std::uint16_t id : label.ids) {
    image.pixels.push_back(static_cast<std::uint8_t>(id & 0xff));
    image.pixels.push_back(static_cast<std::uint8_t>(id >> 8));
    image.pixels.push_back(0);
  }
  return image;
}

Result<std::string> derive_label(FileSystem& files, const Path& source, const IdTable& table) {
  TA_ASSIGN_OR_RETURN(LabelMap label, read_label_png(files, source));
  for (std::uint16_t& id : label.ids) {
    if (id == kIgnored) continue;
    if (id >= table.size()) {
      return invalid_argument(format("convert {}: expected ids 0 … {} and {}, found {}",
                                     source.string(), table.size() - 1, kIgnored, id));
    }
    id = table[id];
  }
  return encode_png(as_colours(label));
}

/// The lists of the ImageNet-S repository that make a subset of the 919 classes.
struct SubsetLists {
  IdTable table;
  std::vector<std::string> photos;  ///< "n01443537/ILSVRC2012_val_00004677.JPEG"
};

Result<std::optional<SubsetLists>> read_lists(const ConverterInput& input, const SourceTree& tree,
                                              int classes) {
  const auto all = tree.find_file(format("ImageNetS_categories_im{}.txt", kAllClasses));
  const auto subset = tree.find_file(format("ImageNetS_categories_im{}.txt", classes));
  const auto photos = tree.find_file(format("ImageNetS_im{}_validation.txt", classes));
  if (!all || !subset || !photos) return std::optional<SubsetLists>();
  TA_ASSIGN_OR_RETURN(const auto all_names, read_name_list(input.files, *all));
  TA_ASSIGN_OR_RETURN(const auto subset_names, read_name_list(input.files, *subset));
  if (all_names.size() != static_cast<std::size_t>(kAllClasses) ||
      subset_names.size() != static_cast<std::size_t>(classes)) {
    return invalid_argument(
        format("prepare {}: expected {} names in {} and {} in {}, found {} and {}", input.benchmark,
               kAllClasses, all->string(), classes, subset->string(), all_names.size(),
               subset_names.size()));
  }
  SubsetLists lists{subset_table(all_names, subset_names), {}};
  TA_ASSIGN_OR_RETURN(lists.photos, read_name_list(input.files, *photos));
  return std::optional(std::move(lists));
}

void plan_derived(const SourceTree& tree, const SourceFolder& labels, const SubsetLists& lists,
                  Plan& plan) {
  const auto photos = find_photos(tree);
  const auto table = std::make_shared<const IdTable>(lists.table);
  for (const std::string& name : lists.photos) {
    const Path label = Path(name).replace_extension(".png");
    const SourceFolder* folder = tree.at(labels.path / label.parent_path());
    const Stems stems = stems_of(folder, {".png"});
    const auto found = stems.find(label.stem().string());
    plan_photo(photos, label, plan);
    if (found == stems.end()) {
      plan.missing.push_back({label.string(), "listed, but not among the 919 classes' labels"});
      continue;
    }
    const Path source = folder->path / found->second;
    plan.tasks.push_back({Path(kLabelFolder) / label, source, [source, table](FileSystem& files) {
                            return derive_label(files, source, *table);
                          }});
  }
  plan.notes.push_back(
      "label maps derived from ImageNetS919's with the lists of the ImageNet-S repository, for "
      "want "
      "of the subset's own annotations");
}

}  // namespace

Result<Plan> plan_imagenets(const ConverterInput& input) {
  const int classes = classes_of(input.benchmark);
  if (input.with_training)
    return unsupported(
        format("prepare {}: ImageNet-S has no labelled training images here; leave "
               "--training out",
               input.benchmark));
  TA_ASSIGN_OR_RETURN(const SourceTree tree, scan_source(input));
  Plan plan;
  if (const SourceFolder* own = find_labels(tree, classes); own != nullptr) {
    plan_own(tree, *own, plan);
    return plan;
  }
  const SourceFolder* all = find_labels(tree, kAllClasses);
  if (all == nullptr) return wrong_source(input, tree, expectation(classes));
  TA_ASSIGN_OR_RETURN(const auto lists, read_lists(input, tree, classes));
  if (!lists) return wrong_source(input, tree, expectation(classes));
  plan_derived(tree, *all, *lists, plan);
  return plan;
}

}  // namespace tagalign::data
