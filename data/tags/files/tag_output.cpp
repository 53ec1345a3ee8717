#include "data/tags/files/tag_output.h"

#include <nlohmann/json.hpp>

#include "base/format.h"
#include "base/json_text.h"

namespace tagalign::data {
namespace {

using nlohmann::json;

constexpr std::size_t kPieceBytes = 1u << 20;

std::string csv_field(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + "\"";
}

}  // namespace

Result<TextOutput> TextOutput::create(FileSystem& files, const Path& path) {
  TextOutput output(files, path);
  TA_ASSIGN_OR_RETURN(output.file_, files.create_file(output.temporary()));
  return output;
}

Status TextOutput::append(std::string_view text) {
  pending_ += text;
  if (pending_.size() < kPieceBytes) return ok_status();
  TA_RETURN_IF_ERROR(file_->append(as_bytes(pending_)));
  pending_.clear();
  return ok_status();
}

Status TextOutput::finish() {
  TA_RETURN_IF_ERROR(file_->append(as_bytes(pending_)));
  pending_.clear();
  TA_RETURN_IF_ERROR(file_->sync());
  TA_RETURN_IF_ERROR(file_->close());
  return files_->rename_durable(temporary(), path_);
}

Status write_names(FileSystem& files, const Path& path, std::span<const TagCount> tags) {
  std::string text;
  for (const TagCount& each : tags) text += csv_field(each.tag) + "\n";
  return files.write_durable(path, text);
}

Status write_counts(FileSystem& files, const Path& path, std::span<const TagCount> tags) {
  std::string text = "tag,captions\n";
  for (const TagCount& each : tags) text += format("{},{}\n", csv_field(each.tag), each.captions);
  return files.write_durable(path, text);
}

Result<IndexOutput> IndexOutput::create(FileSystem& files, const Path& path) {
  TA_ASSIGN_OR_RETURN(TextOutput text, TextOutput::create(files, path));
  return IndexOutput(std::move(text));
}

Status IndexOutput::add(std::string_view key, std::span<const std::int32_t> indices) {
  TA_RETURN_IF_ERROR(text_.append(first_ ? "{\n" : ",\n"));
  first_ = false;
  return text_.append(
      format("{}: [{}]", json_text(json(std::string(key))), fmt::join(indices, ", ")));
}

Status IndexOutput::finish() {
  TA_RETURN_IF_ERROR(text_.append(first_ ? "{}\n" : "\n}\n"));
  return text_.finish();
}

std::string caption_line(std::string_view key, const CaptionTags& tags) {
  json attributes = json::array();
  for (const Attribute& each : tags.attributes)
    attributes.push_back(json::array({each.attribute, each.object}));
  nlohmann::ordered_json line;
  line["id"] = std::string(key);
  line["objects"] = tags.objects;
  line["attributes"] = std::move(attributes);
  return json_text(line) + "\n";
}

}  // namespace tagalign::data
