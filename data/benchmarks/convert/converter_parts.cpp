#include "data/benchmarks/convert/converter_parts.h"

#include <algorithm>

#include "base/format.h"
#include "base/limits.h"

namespace tagalign::data {
namespace {

constexpr std::string_view kBlanks = " \t\r\n\v\f";

std::string first_word(std::string_view line) {
  const std::size_t begin = std::min(line.find_first_not_of(kBlanks), line.size());
  const std::size_t end = std::min(line.find_first_of(kBlanks, begin), line.size());
  return std::string(line.substr(begin, end - begin));
}

}  // namespace

Status wrong_source(const ConverterInput& input, const SourceTree& tree,
                    const Expectation& expected) {
  return not_found(format(
      "prepare {}: {} is not the expected source. Looked for {}; found {}. Unpack {} into one "
      "folder and name it with --source",
      input.benchmark, input.source.string(), expected.looked_for, tree.summary(),
      expected.archives));
}

Result<SourceTree> scan_source(const ConverterInput& input) {
  std::set<std::string> skipped{
      "test",      "test2014",      "test2015",    "test2017",   "testing",
      "demoVideo", "unlabeled2017", "train_extra", "train-semi", "train-semi-segmentation",
      "train-full"};
  if (!input.with_training) skipped.insert({"train", "training", "train2014", "train2017"});
  return SourceTree::scan(input.files, input.source, skipped, input.without);
}

Result<std::vector<std::string>> read_name_list(FileSystem& files, const Path& path) {
  TA_ASSIGN_OR_RETURN(std::string text, files.read_file(path, limits::kConfigFileBytesMax));
  if (text.starts_with("\xef\xbb\xbf")) text.erase(0, 3);
  std::vector<std::string> names;
  std::set<std::string> seen;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    std::string name = first_word(std::string_view(text).substr(begin, end - begin));
    if (!name.empty() && seen.insert(name).second) names.push_back(std::move(name));
    begin = end + 1;
  }
  if (names.empty()) {
    return invalid_argument(
        format("read {}: expected one image name a line, found none", path.string()));
  }
  return names;
}

std::string name_lines(const std::vector<std::string>& names) {
  std::string lines;
  for (const std::string& name : names) lines += name + "\n";
  return lines;
}

Stems stems_of(const SourceFolder* folder, const std::vector<std::string>& suffixes) {
  Stems stems;
  if (folder == nullptr) return stems;
  for (const std::string& file : folder->files) {
    for (const std::string& suffix : suffixes) {
      if (!ends_like(file, suffix)) continue;
      stems.emplace(without_suffix(file, suffix), file);
      break;
    }
  }
  return stems;
}

std::vector<std::string> wanted_splits(const ConverterInput& input, const SplitName& names) {
  if (input.with_training) return {names.training, names.validation};
  return {names.validation};
}

Result<std::string> relabel(FileSystem& files, const Path& label, const ByteTable& table,
                            std::uint16_t id_max) {
  TA_ASSIGN_OR_RETURN(LabelMap map, read_label_png(files, label));
  constexpr std::uint16_t kUnlabelled = 255;
  for (const std::uint16_t id : map.ids) {
    if (id > id_max && id != kUnlabelled) {
      return invalid_argument(
          format("convert {}: expected ids 0 … {} and {}, found {}; is the file of another data "
                 "set?",
                 label.string(), id_max, kUnlabelled, id));
    }
  }
  TA_CHECK(!apply_table(table, map));
  return encode_label_png(map);
}

}  // namespace tagalign::data
