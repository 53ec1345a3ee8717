/// Which files of a segmentation data set belong together, and which belong to nothing: read by the
/// evaluation, which refuses what does not fit, and by the check, which tells all of it.
#pragma once

#include <string>
#include <vector>

#include "base/file_system.h"
#include "data/datasets/folder_files.h"
#include "data/datasets/segmentation_dataset.h"

namespace tagalign::data {

/// One image and its label, relative to their folders.
struct SegmentationPair {
  std::string name;
  std::string image;  ///< empty: not there
  std::string label;  ///< likewise
};

/// A file or a line of the list that makes no pair.
struct Misfit {
  enum class Kind {
    kIncomplete,  ///< image or label is missing
    kSameName,    ///< of a NAME that another file has
    kStrange,     ///< of another ending, where no other files may lie
    kBadLine,     ///< of the list
  };
  Kind kind = Kind::kIncomplete;
  std::string file;       ///< or the line
  std::string why;        ///< "no label"
  Path folder;            ///< of a file; empty for a line
  SegmentationPair pair;  ///< of kIncomplete: what is there
};

struct PairSearch {
  std::vector<SegmentationPair> pairs;  ///< sorted by image
  std::vector<Misfit> misfits;          ///< in the order of the walk, or of the list
  std::size_t names = 0;                ///< images that count: in pairs, or with a part missing
};

/// Looks for every image and label, or for those that the list names (a line is taken without the
/// blanks around it). Errors: a folder or the list cannot be read; folders nest too deep.
Result<PairSearch> search_pairs(FileSystem& files, const SegmentationDatasetOptions& options);

/// The pairs. kInvalidArgument names the first ten files or lines that do not fit, or another number of
/// images than expected; kNotFound for a missing folder or list.
Result<std::vector<SegmentationPair>> find_pairs(FileSystem& files,
                                                 const SegmentationDatasetOptions& options);

/// What follows NAME in the two folders of `options`; whether other files are refused there.
Endings image_endings(const SegmentationDatasetOptions& options);
Endings label_endings(const SegmentationDatasetOptions& options);
bool is_strict(const SegmentationDatasetOptions& options);

}  // namespace tagalign::data
