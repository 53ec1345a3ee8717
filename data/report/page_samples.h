/// The pictures of a report's page, small, with what belongs to them. Internal to data/report/.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "data/image/image.h"
#include "data/report/report.h"

namespace tagalign::data {

struct PageSample {
  std::string name;
  std::vector<std::string> captions;
  std::vector<std::string> tags;
  std::string note;     ///< of the tags: why there are none
  std::string jpeg;     ///< empty: `trouble` says why
  Size size;            ///< of the JPEG, in pixels
  std::string trouble;  ///< why the image cannot be read or decoded
};

/// Short side 160 pixels, long side at most 640; nothing is enlarged.
Size thumbnail_size(const Image& image);

/// Reads, decodes as a training does, and shrinks. An image that is broken has its trouble; errors
/// are those of the tags' files: TagTable::read, read_tag_names.
Result<std::vector<PageSample>> read_page_samples(ReportMaking& making,
                                                  const std::vector<SheetImage>& sheet);

}  // namespace tagalign::data
