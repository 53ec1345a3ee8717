#include "data/report/page_samples.h"

#include <algorithm>

#include "data/datasets/captions/tag_names.h"
#include "data/datasets/captions/tag_table.h"
#include "data/image/pillow.h"
#include "data/report/examination.h"
#include "data/shares/parallel.h"
#include "data/sources/image_reader.h"

namespace tagalign::data {
namespace {

constexpr int kShortSide = 160;
constexpr int kLongSideMax = 640;
constexpr int kJpegQuality = 80;

/// Names of tags by what a training would look for.
class TagsOfImages {
 public:
  static Result<TagsOfImages> read(FileSystem& files, const DataReportOptions& options) {
    TagsOfImages tags;
    if (options.tags.empty()) return tags;
    TA_ASSIGN_OR_RETURN(tags.names_, read_tag_names(files, options.tag_names));
    TA_ASSIGN_OR_RETURN(tags.table_, TagTable::read(files, options.tags, tags.names_.size(),
                                                    scratch_folder(options.derived)));
    return tags;
  }

  void add(const SheetImage& image, PageSample& sample) const {
    if (!table_) return;
    const auto match = table_->find(image.file, image.url);
    if (!match) {
      sample.note = "no entry: a training leaves the image out";
      return;
    }
    for (const std::int32_t tag : match->tags)
      sample.tags.push_back(names_[static_cast<std::size_t>(tag)]);
    if (sample.tags.empty()) sample.note = "an empty entry";
  }

 private:
  std::vector<std::string> names_;
  std::optional<TagTable> table_;
};

void add_picture(const Result<std::string>& bytes, PageSample& sample) {
  const auto image = bytes.ok() ? decode_image(*bytes, ReadAs::kTraining, sample.name)
                                : Result<Image>(bytes.status());
  if (!image.ok()) {
    sample.trouble = image.status().message();
    return;
  }
  sample.size = thumbnail_size(*image);
  sample.jpeg = encode_jpeg(resize_bilinear_pillow(*image, sample.size.width, sample.size.height),
                            kJpegQuality);
}

}  // namespace

Size thumbnail_size(const Image& image) {
  const Size size{image.width, image.height};
  const auto [short_side, long_side] = std::minmax(size.width, size.height);
  if (short_side <= kShortSide && long_side <= kLongSideMax) return size;
  const Size small = keep_ratio_size(size, kShortSide, kLongSideMax);
  return {std::max(small.width, 1), std::max(small.height, 1)};
}

Result<std::vector<PageSample>> read_page_samples(ReportMaking& making,
                                                  const std::vector<SheetImage>& sheet) {
  const DataReportOptions& options = making.options();
  TA_ASSIGN_OR_RETURN(const ShardSet* shards, making.shards());
  TA_ASSIGN_OR_RETURN(const TagsOfImages tags, TagsOfImages::read(making.files(), options));
  TA_ASSIGN_OR_RETURN(const auto reader, making.reader());
  std::vector<PageSample> samples(sheet.size());
  TA_RETURN_IF_ERROR(in_parallel(sheet.size(), making.threads(), [&](std::size_t i) {
    const std::size_t number = sheet[i].image;
    const ShardMember member = shards->image(number);
    const ImageAddress address = address_of(*shards, number, member);
    samples[i].name = reader->describe(address);
    samples[i].captions = sheet[i].captions;
    tags.add(sheet[i], samples[i]);
    add_picture(reader->read(address), samples[i]);
    return ok_status();
  }));
  return samples;
}

}  // namespace tagalign::data
