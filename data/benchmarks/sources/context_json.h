/// trainval_merged.json of Pascal in Detail: the images with their phase, and per image the masks
/// in the order in which they are painted. Everything else in that file (parts, boundaries,
/// occlusion, joints) is passed over while reading.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/status.h"
#include "data/benchmarks/sources/run_length.h"
#include "data/image/image.h"

namespace tagalign::data {

struct ContextMask {
  std::int64_t category = 0;
  MaskSize size;
  std::string compressed;            ///< COCO's text, or
  std::vector<std::uint32_t> plain;  ///< the lengths themselves
};

struct ContextImage {
  std::string file;   ///< "2008_000002.jpg"
  std::string phase;  ///< train, val, test
  MaskSize size;
  std::vector<ContextMask> masks;
};

/// By image id. Reads the file in pieces; memory grows with the masks only. kDataLoss names the
/// byte where the JSON is broken; kInvalidArgument what a record lacks.
Result<std::map<std::int64_t, ContextImage>> read_context_json(FileSystem& files, const Path& path);

/// 0 (background) … 59; a later mask covers an earlier one. kInvalidArgument for a category outside
/// the 59; kDataLoss for a broken mask.
Result<LabelMap> paint_context(const ContextImage& image);

}  // namespace tagalign::data
