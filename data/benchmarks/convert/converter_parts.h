/// Pieces that several converters use. For data/benchmarks only.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "data/benchmarks/convert/plan.h"
#include "data/benchmarks/sources/label_maps.h"
#include "data/benchmarks/sources/source_tree.h"
#include "data/image/image.h"

namespace tagalign::data {

/// Which official files a benchmark is made from, for messages.
struct Expectation {
  std::string looked_for;  ///< "a folder VOC2012 with JPEGImages, SegmentationClass and ImageSets"
  std::string archives;    ///< "VOCtrainval_11-May-2012.tar"
};
/// kNotFound: what was looked for, what the source holds, which archives hold it.
Status wrong_source(const ConverterInput& input, const SourceTree& tree,
                    const Expectation& expected);

/// The source without the parts that no benchmark needs (test images; training
/// images unless asked for).
Result<SourceTree> scan_source(const ConverterInput& input);

/// Names in a list file: the first word of each line, each once, in their order.
Result<std::vector<std::string>> read_name_list(FileSystem& files, const Path& path);
/// One a line.
std::string name_lines(const std::vector<std::string>& names);

/// File name by its name without `suffix`, of the files that end in one of `suffixes`.
using Stems = std::map<std::string, std::string>;
Stems stems_of(const SourceFolder* folder, const std::vector<std::string>& suffixes);
inline const std::vector<std::string> kPhotoSuffixes{".jpg", ".jpeg"};

/// Training, if asked for, and validation.
struct SplitName {
  std::string training;
  std::string validation;
};
std::vector<std::string> wanted_splits(const ConverterInput& input, const SplitName& names);

/// Reads `label`, replaces its ids and encodes it; kInvalidArgument names an id above `id_max` that
/// is not 255: the file is of another data set.
Result<std::string> relabel(FileSystem& files, const Path& label, const ByteTable& table,
                            std::uint16_t id_max);

}  // namespace tagalign::data
