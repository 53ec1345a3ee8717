#include "data/datasets/captions/caption_rows.h"

#include "base/counted.h"
#include "base/format.h"
#include "base/utf8.h"

namespace tagalign::data {

Result<CaptionRows> CaptionRows::open(FileSystem& files, const Path& path) {
  TA_ASSIGN_OR_RETURN(TableText read, TableText::open(files, path));
  const auto table = std::make_shared<const TableText>(std::move(read));
  const std::string_view text = table->text();
  TA_RETURN_IF_ERROR(check_encoding(text, format("read captions {}", path.string())));
  if (const auto form = LineCaptions::form_of(text))
    return CaptionRows(table, LineCaptions(text, *form, path.string()));
  TA_ASSIGN_OR_RETURN(CsvCaptions csv, CsvCaptions::open(text, path.string()));
  return CaptionRows(table, std::move(csv));
}

Result<std::optional<CaptionRow>> CaptionRows::next() {
  if (auto* csv = std::get_if<CsvCaptions>(&reader_)) return csv->next();
  return std::get<LineCaptions>(reader_).next();
}

BrokenLines CaptionRows::broken() const {
  return std::visit([](const auto& reader) -> BrokenLines { return reader.broken(); }, reader_);
}

BrokenLines CaptionRows::odd_quotes() const {
  const auto* csv = std::get_if<CsvCaptions>(&reader_);
  return csv == nullptr ? BrokenLines{} : csv->odd_quotes();
}

std::vector<std::string> CaptionRows::notices() const {
  if (const auto* csv = std::get_if<CsvCaptions>(&reader_)) return csv->notices();
  const BrokenLines broken = std::get<LineCaptions>(reader_).broken();
  if (broken.count == 0) return {};
  return {format("{} left out, the first is {}",
                 counted(broken.count, "line of captions is", "lines of captions are"),
                 broken.first)};
}

std::uint64_t CaptionRows::bytes_read() const {
  return bytes_total() -
         std::visit([](const auto& reader) { return reader.bytes_left(); }, reader_);
}

}  // namespace tagalign::data
