/// Captions side by side with their tags, parsed or imported. Internal to data/tags/files.
#pragma once

#include <functional>
#include <memory>

#include "base/file_system.h"
#include "base/status.h"
#include "data/datasets/captions/caption_row.h"
#include "data/tags/files/make_tags.h"
#include "data/tags/parse/caption_parser.h"

namespace tagalign::data {

/// One thread.
class TaggedCaptions {
 public:
  using Use = std::function<Status(const CaptionRow&, const CaptionTags&)>;

  /// Of an import when there is one; else of the pieces that parse_tags() made.
  static Result<std::unique_ptr<TaggedCaptions>> create(FileSystem& files,
                                                        const TagOptions& options);
  virtual ~TaggedCaptions() = default;

  /// Uses all in their order, the same at every call; the first error ends it. kDataLoss, or
  /// kNotFound, when a piece is missing.
  virtual Status each(const Use& use) = 0;
  /// Of the last call of each().
  virtual BrokenLines broken() const = 0;
  /// Fills what concerns an import.
  virtual void report(TagReport& report) const = 0;
};

}  // namespace tagalign::data
