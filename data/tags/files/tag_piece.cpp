#include "data/tags/files/tag_piece.h"

#include <cstring>

namespace tagalign::data {
namespace {

using Length = std::uint32_t;

void put(std::string& bytes, Length number) {
  bytes.append(reinterpret_cast<const char*>(&number), sizeof number);
}

void put(std::string& bytes, std::string_view text) {
  put(bytes, static_cast<Length>(text.size()));
  bytes += text;
}

/// Takes numbers and texts from the front; what is missing is 0, and said by ok().
class Taker {
 public:
  explicit Taker(std::string_view bytes) : rest_(bytes) {}

  Length number() {
    Length value = 0;
    const std::string_view bytes = take(sizeof value);
    if (bytes.size() == sizeof value) std::memcpy(&value, bytes.data(), sizeof value);
    return value;
  }
  std::string text() { return std::string(take(number())); }
  bool ok() const { return ok_; }
  bool at_end() const { return ok_ && rest_.empty(); }

 private:
  std::string_view take(std::size_t length) {
    ok_ = ok_ && length <= rest_.size();
    if (!ok_) return {};
    const std::string_view bytes = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return bytes;
  }

  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace

Status write_tag_piece(FileSystem& files, const Path& path, std::span<const CaptionTags> tags) {
  RecordFileWriter writer(files, RecordFileKind::kTagPiece, {.file = path, .scratch = {}});
  std::string bytes;
  for (const CaptionTags& each : tags) {
    bytes.clear();
    put(bytes, each.english ? 1 : 0);
    put(bytes, static_cast<Length>(each.objects.size()));
    for (const std::string& object : each.objects) put(bytes, object);
    put(bytes, static_cast<Length>(each.attributes.size()));
    for (const Attribute& attribute : each.attributes) {
      put(bytes, attribute.attribute);
      put(bytes, attribute.object);
    }
    TA_RETURN_IF_ERROR(writer.add({bytes}));
  }
  return writer.finish("{}").status();
}

Result<TagPiece> TagPiece::open(const Path& path) {
  TA_ASSIGN_OR_RETURN(RecordFile records, RecordFile::open(path, RecordFileKind::kTagPiece));
  return TagPiece(std::move(records));
}

Status TagPiece::read(std::size_t caption, CaptionTags& tags) const {
  Taker taker(records_.record(caption));
  tags.english = taker.number() != 0;
  tags.objects.clear();
  for (Length left = taker.number(); left > 0 && taker.ok(); --left)
    tags.objects.push_back(taker.text());
  tags.attributes.clear();
  for (Length left = taker.number(); left > 0 && taker.ok(); --left) {
    std::string attribute = taker.text();
    tags.attributes.push_back({std::move(attribute), taker.text()});
  }
  return taker.at_end() ? ok_status() : data_loss("read tags of a caption: they end early");
}

}  // namespace tagalign::data
