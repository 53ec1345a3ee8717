#include "checkpoint/format/safetensors_header.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>
#include <utility>

#include "base/format.h"

namespace tagalign::checkpoint {
namespace {

using Json = nlohmann::json;

constexpr const char* kMetadataKey = "__metadata__";
constexpr int kDepthMax = 100;  // a foreign key may hold anything

/// A name from the file for a message: short, and without control characters.
std::string shown(std::string_view name) {
  constexpr std::size_t kCharsMax = 80;
  std::string text(name.substr(0, kCharsMax));
  std::ranges::replace_if(
      text, [](unsigned char c) { return c < 0x20 || c >= 0x7f; }, '?');
  return name.size() > kCharsMax ? text + "…" : text;
}

/// A key that may stand once in the object at `level`: 1 for the whole, 2 for an entry in it.
bool is_unique(std::size_t level, const std::string& key) {
  if (level == 1) return true;
  return level == 2 && (key == "dtype" || key == "shape" || key == "data_offsets");
}

/// Parses JSON and refuses what nlohmann would let pass: doubled keys and needless depth.
Result<Json> parse_strictly(std::string_view text) {
  std::vector<std::set<std::string>> keys;
  std::string problem;
  const auto watch = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (depth > kDepthMax && problem.empty()) problem = "nested too deeply";
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end && !keys.empty()) keys.pop_back();
    if (event == Json::parse_event_t::key && !keys.empty()) {
      const auto& key = parsed.get_ref<const std::string&>();
      if (is_unique(keys.size(), key) && !keys.back().insert(key).second && problem.empty())
        problem = format("key '{}' is doubled", shown(key));
    }
    return true;
  };
  try {
    Json json = Json::parse(text.begin(), text.end(), watch);
    if (problem.empty() && !json.is_object()) problem = "not an object";
    if (!problem.empty()) return data_loss(format("header: {}", problem));
    return json;
  } catch (const Json::exception& error) {
    return data_loss(format("header is not JSON: {}", error.what()));
  }
}

Status malformed(const std::string& name, std::string_view expected) {
  return data_loss(format("header entry '{}': expected {}", shown(name), expected));
}

Result<std::vector<std::int64_t>> decode_shape(const std::string& name, const Json& value) {
  if (!value.is_array()) return malformed(name, "an array 'shape'");
  std::vector<std::int64_t> shape;
  for (const Json& extent : value) {
    if (!extent.is_number_unsigned() || extent.get<std::uint64_t>() > INT64_MAX) {
      return malformed(name, "a shape of integers from 0 to 2^63-1");
    }
    shape.push_back(extent.get<std::int64_t>());
  }
  return shape;
}

/// Where the bytes of an entry lie.
struct Range {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

Result<Range> decode_offsets(const std::string& name, const Json& offsets,
                             std::uint64_t data_bytes) {
  if (!offsets.is_array() || offsets.size() != 2 || !offsets[0].is_number_unsigned() ||
      !offsets[1].is_number_unsigned()) {
    return malformed(name, "two non-negative integers in data_offsets");
  }
  const Range range{offsets[0].get<std::uint64_t>(), offsets[1].get<std::uint64_t>()};
  if (range.begin <= range.end && range.end <= data_bytes) return range;
  return data_loss(
      format("header entry '{}': bytes {} to {} do not lie within the {} that follow the header; "
             "a file that was cut off: fetch it again",
             shown(name), range.begin, range.end, data_bytes));
}

Status check_size(const std::string& name, DType dtype, const std::vector<std::int64_t>& shape,
                  const Range& range) {
  const std::optional<std::uint64_t> bytes = tensor_bytes(dtype, shape);
  if (bytes && *bytes == range.end - range.begin) return ok_status();
  return data_loss(format("header entry '{}': type and shape ask for {} bytes, found {}",
                          shown(name), bytes ? std::to_string(*bytes) : "more than 2^63",
                          range.end - range.begin));
}

/// Into the entries of `header`, or to those that are not read.
Status decode_entry(const std::string& name, const Json& value, std::uint64_t data_bytes,
                    Header& header) {
  if (!value.is_object() || !value.contains("dtype") || !value.contains("shape") ||
      !value.contains("data_offsets")) {
    return malformed(name, "dtype, shape and data_offsets");
  }
  if (!value["dtype"].is_string()) return malformed(name, "a string 'dtype'");
  const auto& type = value["dtype"].get_ref<const std::string&>();
  TA_ASSIGN_OR_RETURN(auto shape, decode_shape(name, value["shape"]));
  TA_ASSIGN_OR_RETURN(const Range range, decode_offsets(name, value["data_offsets"], data_bytes));
  const Result<DType> dtype = dtype_from_name(type);
  if (!dtype.ok()) {
    header.not_read.push_back({name, type, range.begin, range.end});
    return ok_status();
  }
  TA_RETURN_IF_ERROR(check_size(name, *dtype, shape, range));
  header.entries.push_back({name, *dtype, std::move(shape), range.begin, range.end});
  return ok_status();
}

Status decode_metadata(const Json& value, std::map<std::string, std::string>& metadata) {
  if (value.is_null()) return ok_status();
  if (!value.is_object()) return malformed(kMetadataKey, "an object of strings");
  for (const auto& [key, text] : value.items()) {
    if (!text.is_string()) return malformed(kMetadataKey, "an object of strings");
    metadata[key] = text.get<std::string>();
  }
  return ok_status();
}

Status check_gapless(const Header& header, std::uint64_t data_bytes) {
  std::vector<std::pair<Range, std::string_view>> all;
  for (const auto& entry : header.entries) all.push_back({{entry.begin, entry.end}, entry.name});
  for (const auto& entry : header.not_read) all.push_back({{entry.begin, entry.end}, entry.name});
  std::ranges::sort(all, {}, [](const auto& entry) {
    return std::tuple(entry.first.begin, entry.first.end, entry.second);
  });
  std::uint64_t expected = 0;
  for (const auto& [range, name] : all) {
    if (range.begin != expected) {
      return data_loss(format("header entry '{}': expected to begin at byte {}, found {}",
                              shown(name), expected, range.begin));
    }
    expected = range.end;
  }
  if (expected != data_bytes) {
    return data_loss(
        format("tensors end at byte {}, but {} bytes follow the header", expected, data_bytes));
  }
  return ok_status();
}

Status check_names(const std::vector<TensorView>& tensors) {
  std::set<std::string_view> names;
  for (const TensorView& tensor : tensors) {
    if (!names.insert(tensor.name).second || tensor.name == kMetadataKey)
      return invalid_argument(format("tensor name '{}' is doubled or reserved", tensor.name));
  }
  return ok_status();
}

}  // namespace

std::optional<std::uint64_t> element_count(const std::vector<std::int64_t>& shape) {
  std::uint64_t count = 1;
  for (const std::int64_t extent : shape) {
    if (extent < 0) return std::nullopt;
    if (__builtin_mul_overflow(count, static_cast<std::uint64_t>(extent), &count))
      return std::nullopt;
  }
  if (count > INT64_MAX) return std::nullopt;
  return count;
}

std::optional<std::uint64_t> tensor_bytes(DType dtype, const std::vector<std::int64_t>& shape) {
  std::optional<std::uint64_t> count = element_count(shape);
  if (!count || *count > INT64_MAX / dtype_bytes(dtype)) return std::nullopt;
  return *count * dtype_bytes(dtype);
}

Result<std::string> encode_header(const Header& header, std::uint64_t alignment) {
  nlohmann::ordered_json::object_t
      json;  // filled at its end: a look for each key is a walk over all
  if (!header.metadata.empty()) json.emplace_back(kMetadataKey, header.metadata);
  std::set<std::string_view> names = {kMetadataKey};
  for (const HeaderEntry& entry : header.entries) {
    if (!names.insert(entry.name).second)
      return invalid_argument(format("tensor name '{}' is doubled or reserved", entry.name));
    json.emplace_back(entry.name,
                      nlohmann::ordered_json{{"dtype", dtype_name(entry.dtype)},
                                             {"shape", entry.shape},
                                             {"data_offsets", {entry.begin, entry.end}}});
  }
  std::string text;
  try {
    text = nlohmann::ordered_json(std::move(json)).dump();
  } catch (const Json::exception& error) {
    return invalid_argument(format("a tensor name or metadata is not UTF-8: {}", error.what()));
  }
  const std::uint64_t start = kHeaderLengthBytes + text.size();
  text.resize((start + alignment - 1) / alignment * alignment - kHeaderLengthBytes, ' ');
  if (text.size() > kHeaderBytesMax) {
    return invalid_argument(format("header of {} bytes: at most {}", text.size(), kHeaderBytesMax));
  }
  std::string field;
  for (unsigned shift = 0; shift < 64; shift += 8) {
    field.push_back(static_cast<char>((text.size() >> shift) & 0xFF));
  }
  return field + text;
}

Result<std::uint64_t> decode_header_length(ByteSpan field, std::uint64_t file_bytes) {
  TA_CHECK(field.size() == kHeaderLengthBytes);
  std::uint64_t length = 0;
  for (std::size_t i = 0; i < field.size(); ++i) {
    length |= std::to_integer<std::uint64_t>(field[i]) << (8 * i);
  }
  if (length > kHeaderBytesMax || length > file_bytes - kHeaderLengthBytes) {
    return data_loss(format(
        "byte 0: a header of {} bytes does not fit into a file of {} (limit {}); a file that "
        "was cut off, or no safetensors: fetch it again",
        length, file_bytes, kHeaderBytesMax));
  }
  return length;
}

Result<Header> decode_header(std::string_view text, std::uint64_t data_bytes) {
  TA_ASSIGN_OR_RETURN(const Json json, parse_strictly(text));
  Header header;
  for (const auto& [name, value] : json.items()) {
    if (name == kMetadataKey) {
      TA_RETURN_IF_ERROR(decode_metadata(value, header.metadata));
      continue;
    }
    TA_RETURN_IF_ERROR(decode_entry(name, value, data_bytes, header));
  }
  std::sort(header.entries.begin(), header.entries.end(),
            [](const HeaderEntry& a, const HeaderEntry& b) {
              return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
            });
  TA_RETURN_IF_ERROR(check_gapless(header, data_bytes));
  return header;
}

Result<LocatedHeader> read_header(FileSystem& files, const Path& path) {
  TA_ASSIGN_OR_RETURN(const std::uint64_t file_bytes, files.file_size(path));
  const std::string where = format("read {}", path.string());
  if (file_bytes < kHeaderLengthBytes) {
    return data_loss(format("{}: expected a safetensors file, found {} bytes", where, file_bytes));
  }
  LocatedHeader located;
  located.bytes.resize(kHeaderLengthBytes);
  const auto bytes = [&] { return std::as_writable_bytes(std::span(located.bytes)); };
  TA_RETURN_IF_ERROR(files.read_range(path, 0, bytes()));
  Result<std::uint64_t> length = decode_header_length(bytes(), file_bytes);
  if (!length.ok()) return length.status().with_context(where);
  located.data_start = kHeaderLengthBytes + *length;
  located.bytes.resize(located.data_start);
  TA_RETURN_IF_ERROR(
      files.read_range(path, kHeaderLengthBytes, bytes().subspan(kHeaderLengthBytes)));
  const std::string_view text = std::string_view(located.bytes).substr(kHeaderLengthBytes);
  Result<Header> header = decode_header(text, file_bytes - located.data_start);
  if (!header.ok()) return header.status().with_context(where);
  located.header = std::move(header).value();
  return located;
}

Status check_views(const std::vector<TensorView>& tensors) {
  TA_RETURN_IF_ERROR(check_names(tensors));
  for (const TensorView& tensor : tensors) {
    const std::optional<std::uint64_t> bytes = tensor_bytes(tensor.dtype, tensor.shape);
    if (!bytes || *bytes != tensor.bytes.size()) {
      return invalid_argument(format("tensor '{}': type and shape ask for {} bytes, found {}",
                                     tensor.name, bytes ? std::to_string(*bytes) : "more than 2^63",
                                     tensor.bytes.size()));
    }
  }
  return ok_status();
}

Status check_parts(const std::vector<TensorView>& tensors) {
  TA_RETURN_IF_ERROR(check_names(tensors));
  for (const TensorView& tensor : tensors) {
    const std::optional<std::uint64_t> bytes = tensor_bytes(tensor.dtype, tensor.shape);
    const std::size_t width = dtype_bytes(tensor.dtype);
    if (bytes && tensor.bytes.size() % width == 0 && tensor.bytes.size() <= *bytes &&
        tensor.begin <= (*bytes - tensor.bytes.size()) / width)
      continue;
    return invalid_argument(format(
        "tensor '{}': {} bytes from element {} on are no part of what type and shape ask for, "
        "{} bytes",
        tensor.name, tensor.bytes.size(), tensor.begin,
        bytes ? std::to_string(*bytes) : "more than 2^63"));
  }
  return ok_status();
}

}  // namespace tagalign::checkpoint
