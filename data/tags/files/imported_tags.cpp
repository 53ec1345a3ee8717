#include "data/tags/files/imported_tags.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/format.h"
#include "base/json_text.h"
#include "base/limits.h"

namespace tagalign::data {
namespace {

using nlohmann::json;

std::string key_of(const json& line) {
  for (const char* name : {"key", "url", "id", "file", "caption"}) {
    const auto found = line.find(name);
    if (found == line.end()) continue;
    if (found->is_string()) return found->get<std::string>();
    if (found->is_number_integer()) return json_text(*found);
  }
  return {};
}

void add_once(std::vector<std::string>& all, std::string tag) {
  if (!tag.empty() && std::find(all.begin(), all.end(), tag) == all.end())
    all.push_back(std::move(tag));
}

/// ["red", "car"], or "red" for an attribute of nothing in particular.
bool take_attribute(const json& each, CaptionParser* parser, CaptionTags& tags) {
  const bool pair =
      each.is_array() && each.size() == 2 && each[0].is_string() && each[1].is_string();
  if (!pair && !each.is_string()) return false;
  const auto attribute = (pair ? each[0] : each).get<std::string>();
  const auto object = pair ? each[1].get<std::string>() : std::string();
  Attribute made{attribute, object};
  if (parser != nullptr)
    made = {parser->normal_attribute(attribute),
            object.empty() ? "" : parser->normal_object(object)};
  if (made.attribute.empty() || (pair && made.object.empty())) return true;
  if (std::find(tags.attributes.begin(), tags.attributes.end(), made) == tags.attributes.end())
    tags.attributes.push_back(std::move(made));
  return true;
}

bool take_tags(const json& line, CaptionParser* parser, CaptionTags& tags) {
  const auto objects = line.find("objects");
  if (objects == line.end() || !objects->is_array()) return false;
  for (const json& each : *objects) {
    if (!each.is_string()) return false;
    const auto text = each.get<std::string>();
    add_once(tags.objects, parser == nullptr ? text : parser->normal_object(text));
  }
  const auto attributes = line.find("attributes");
  if (attributes == line.end()) return true;
  return attributes->is_array() &&
         std::all_of(attributes->begin(), attributes->end(),
                     [&](const json& each) { return take_attribute(each, parser, tags); });
}

}  // namespace

void ImportedTags::add(std::string_view text, std::uint64_t number, const Path& path,
                       CaptionParser* parser) {
  const json line = json::parse(text, nullptr, false);
  Line made;
  if (line.is_object()) made.key = key_of(line);
  if (made.key.empty() || !take_tags(line, parser, made.tags)) {
    if (broken_.count++ == 0)
      broken_.first = format("{}:{}: expected {{\"key\": …, \"objects\": […]}}, found '{}'",
                             path.string(), number, text.substr(0, 60));
    return;
  }
  places_.insert_or_assign(made.key, lines_.size());
  lines_.push_back(std::move(made));
}

Result<ImportedTags> ImportedTags::open(FileSystem& files, const Path& path,
                                        CaptionParser* parser) {
  TA_ASSIGN_OR_RETURN(const std::string text, files.read_file(path, limits::kTableFileBytesMax));
  ImportedTags imported;
  std::uint64_t number = 0;
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    ++number;
    const std::string_view line = rest.substr(0, end);
    if (line.find_first_not_of(" \t\r") != std::string_view::npos)
      imported.add(line, number, path, parser);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  if (imported.lines_.empty())
    return invalid_argument(
        format("import tags {}: expected lines {{\"key\": …, \"objects\": […]}}, "
               "found none{}",
               path.string(), imported.broken_.count > 0 ? ": " + imported.broken_.first : ""));
  return imported;
}

const CaptionTags* ImportedTags::find(const CaptionRow& row) {
  auto found = places_.find(row.key());
  if (found == places_.end()) found = places_.find(row.caption);
  if (found == places_.end()) return nullptr;
  lines_[found->second].used = true;
  return &lines_[found->second].tags;
}

std::vector<CaptionRow> ImportedTags::rows() const {
  std::vector<CaptionRow> rows;
  for (const Line& line : lines_) {
    const bool is_url = line.key.starts_with("http://") || line.key.starts_with("https://");
    CaptionRow& row = rows.emplace_back();
    (is_url ? row.url : row.file) = line.key;
  }
  return rows;
}

std::uint64_t ImportedTags::unused() const {
  return static_cast<std::uint64_t>(
      std::count_if(lines_.begin(), lines_.end(), [](const Line& line) { return !line.used; }));
}

std::vector<std::string> ImportedTags::first_unused(std::size_t count) const {
  std::vector<std::string> keys;
  for (const Line& line : lines_) {
    if (keys.size() == count) break;
    if (!line.used) keys.push_back(line.key);
  }
  return keys;
}

}  // namespace tagalign::data
