#include "data/datasets/captions/line_captions.h"

#include <nlohmann/json.hpp>

#include "base/format.h"
#include "base/json_text.h"
#include "base/utf8.h"

namespace tagalign::data {
namespace {

using Json = nlohmann::json;

/// CR alone where the text has no LF at all.
char line_end_of(std::string_view text) {
  return text.find('\n') == std::string_view::npos ? '\r' : '\n';
}

std::string_view without_mark(std::string_view text) {
  constexpr std::string_view kMark = "\xef\xbb\xbf";
  if (text.starts_with(kMark)) text.remove_prefix(kMark.size());
  return text;
}

std::string_view take_line(std::string_view& text, char line_end) {
  const std::size_t end = text.find(line_end);
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

std::optional<CaptionRow> parse_tsv(std::string_view line) {
  const std::size_t tab = line.find('\t');
  if (tab == std::string_view::npos || tab == 0) return std::nullopt;
  CaptionRow row;
  const std::string_view name = line.substr(0, tab);
  (name.find("://") == std::string_view::npos ? row.file : row.url) = name;
  row.caption = repair_utf8(line.substr(tab + 1), row.bad_bytes);
  return row;
}

/// A text, or a whole number as text; else nothing.
std::string text_at(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end()) return {};
  if (found->is_string()) return found->get<std::string>();
  return found->is_number_integer() ? json_text(*found) : std::string();
}

std::optional<CaptionRow> parse_json(std::string_view line) {
  CaptionRow row;
  std::size_t bad_bytes = 0;
  const Json object = Json::parse(repair_utf8(line, bad_bytes), nullptr, false);
  if (!object.is_object()) return std::nullopt;
  for (const char* name : {"id", "key", "file"}) {
    if (row.file.empty()) row.file = text_at(object, name);
  }
  row.url = text_at(object, "url");
  const auto caption = object.find("caption");
  const bool whole = !row.key().empty() && caption != object.end() && caption->is_string();
  if (!whole) return std::nullopt;
  row.caption = caption->get<std::string>();
  row.bad_bytes = bad_bytes;
  return row;
}

}  // namespace

std::optional<LineCaptions::Form> LineCaptions::form_of(std::string_view text) {
  text = without_mark(text);
  const char line_end = line_end_of(text);
  std::string_view line;
  while (line.empty() && !text.empty()) line = take_line(text, line_end);
  if (line.starts_with('{')) return Form::kJson;
  if (line.find('\t') == std::string_view::npos || line.starts_with("file,caption"))
    return std::nullopt;
  return Form::kTsv;
}

LineCaptions::LineCaptions(std::string_view text, Form form, std::string path)
    : rest_(without_mark(text)), line_end_(line_end_of(text)), form_(form), path_(std::move(path)) {
  std::string_view behind = rest_;
  if (form_ != Form::kTsv || take_line(behind, line_end_) != "url\tcaption") return;
  rest_ = behind;
  ++line_;
}

std::optional<CaptionRow> LineCaptions::next() {
  while (!rest_.empty()) {
    const std::string_view line = take_line(rest_, line_end_);
    ++line_;
    if (line.empty()) continue;
    if (auto row = parse(line)) return row;
    if (broken_.count++ > 0) continue;
    constexpr std::size_t kBytesShown = 60;
    const bool tsv = form_ == Form::kTsv;
    broken_.first = format("{}:{}: expected {}, found '{}'", path_, line_,
                           tsv ? "url<TAB>caption" : "{\"id\": …, \"caption\": …}",
                           printable(line, kBytesShown));
  }
  return std::nullopt;
}

std::optional<CaptionRow> LineCaptions::parse(std::string_view line) {
  return form_ == Form::kTsv ? parse_tsv(line) : parse_json(line);
}

}  // namespace tagalign::data
