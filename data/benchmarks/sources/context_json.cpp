#include "data/benchmarks/sources/context_json.h"

#include <algorithm>
#include <functional>
#include <istream>
#include <nlohmann/json.hpp>
#include <span>
#include <streambuf>

#include "base/format.h"
#include "base/limits.h"
#include "data/benchmarks/sources/label_maps.h"

namespace tagalign::data {
namespace {

using nlohmann::json;
using Images = std::map<std::int64_t, ContextImage>;

/// A file as a stream, read in blocks through the FileSystem.
class FileStream final : public std::streambuf {
 public:
  FileStream(FileSystem& files, const Path& path, std::uint64_t size)
      : files_(files), path_(path), size_(size), block_(kBlock) {}

  /// Why reading stopped before the end; ok otherwise.
  const Status& status() const { return status_; }

 protected:
  int_type underflow() override {
    const std::size_t length =
        static_cast<std::size_t>(std::min<std::uint64_t>(kBlock, size_ - at_));
    if (length == 0 || !status_.ok()) return traits_type::eof();
    status_ =
        files_.read_range(path_, at_, std::as_writable_bytes(std::span(block_.data(), length)));
    if (!status_.ok()) return traits_type::eof();
    at_ += length;
    setg(block_.data(), block_.data(), block_.data() + length);
    return traits_type::to_int_type(block_[0]);
  }

 private:
  static constexpr std::size_t kBlock = 4u << 20;
  FileSystem& files_;
  const Path& path_;
  std::uint64_t size_;
  std::uint64_t at_ = 0;
  std::vector<char> block_;
  Status status_;
};

MaskSize size_from(const json& list) {
  return {list.at(0).get<int>(), list.at(1).get<int>()};
}

void add_image(const json& record, Images& images) {
  ContextImage& image = images[record.at("image_id").get<std::int64_t>()];
  image.file = record.at("file_name").get<std::string>();
  image.phase = record.at("phase").get<std::string>();
  image.size = {record.at("height").get<int>(), record.at("width").get<int>()};
}

void add_mask(const json& record, Images& images) {
  const json& segmentation = record.at("segmentation");
  const json& counts = segmentation.at("counts");
  ContextMask mask{
      record.at("category_id").get<std::int64_t>(), size_from(segmentation.at("size")), {}, {}};
  if (counts.is_string())
    mask.compressed = counts.get<std::string>();
  else
    mask.plain = counts.get<std::vector<std::uint32_t>>();
  images[record.at("image_id").get<std::int64_t>()].masks.push_back(std::move(mask));
}

/// Takes the records of the two lists as they are parsed and lets the parser forget everything.
class RecordTaker {
 public:
  explicit RecordTaker(Images& images) : images_(images) {}

  /// nlohmann's parser callback: false drops the value.
  bool operator()(int depth, json::parse_event_t event, json& value) {
    constexpr int kTop = 1;     // keys of the document
    constexpr int kRecord = 2;  // elements of its lists
    constexpr int kField = 3;   // keys of an element
    if (event == json::parse_event_t::key && depth == kTop) {
      list_ = value.get<std::string>();
      return list_ == "images" || list_ == "annos_segmentation";
    }
    if (event == json::parse_event_t::key && depth == kField) return value != "parts";
    if (event != json::parse_event_t::object_end || depth != kRecord) return true;
    ++number_;
    if (list_ == "images")
      add_image(value, images_);
    else
      add_mask(value, images_);
    return false;
  }

  std::string where() const { return format("record {} of {}", number_, list_); }

 private:
  Images& images_;
  std::string list_;
  std::uint64_t number_ = 0;
};

}  // namespace

Result<Images> read_context_json(FileSystem& files, const Path& path) {
  TA_ASSIGN_OR_RETURN(const std::uint64_t size, files.file_size(path));
  FileStream buffer(files, path, size);
  std::istream stream(&buffer);
  Images images;
  RecordTaker taker(images);
  try {
    [[maybe_unused]] const json rest = json::parse(stream, std::ref(taker));
  } catch (const json::parse_error& error) {
    TA_RETURN_IF_ERROR(buffer.status());
    return data_loss(
        format("read {}: expected whole JSON, found a fault at byte {} of {}; download "
               "the file again",
               path.string(), error.byte, size));
  } catch (const json::exception& error) {
    return invalid_argument(
        format("read {}: {} is not as Pascal in Detail writes it ({}); expected "
               "trainval_merged.json",
               path.string(), taker.where(), error.what()));
  }
  return images;
}

Result<LabelMap> paint_context(const ContextImage& image) {
  LabelMap label{image.size.width, image.size.height, {}};
  if (label.width < 1 || label.height < 1 ||
      std::int64_t{label.width} * label.height > std::int64_t{limits::kImagePixelsMax}) {
    return data_loss(format("paint {}: expected the size of an image, found {} x {}", image.file,
                            label.width, label.height));
  }
  label.ids.resize(static_cast<std::size_t>(label.width) * static_cast<std::size_t>(label.height));
  for (const ContextMask& mask : image.masks) {
    const auto id = pascal_context_id(mask.category);
    if (!id) {
      return invalid_argument(
          format("paint {}: expected one of the 59 categories, found {}; is the file "
                 "trainval_merged.json?",
                 image.file, mask.category));
    }
    if (mask.size.height != label.height || mask.size.width != label.width) {
      return data_loss(format("paint {}: expected masks of {} x {}, found {} x {}", image.file,
                              label.width, label.height, mask.size.width, mask.size.height));
    }
    std::vector<std::uint32_t> runs = mask.plain;
    if (!mask.compressed.empty()) {
      TA_ASSIGN_OR_RETURN(runs, decode_run_lengths(mask.compressed));
    }
    if (Status status = paint_runs(runs, mask.size, *id, label.ids); !status.ok())
      return status.with_context(format("paint {}", image.file));
  }
  return label;
}

}  // namespace tagalign::data
