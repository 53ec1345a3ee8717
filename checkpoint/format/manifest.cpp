#include "checkpoint/format/manifest.h"

#include <charconv>
#include <nlohmann/json.hpp>
#include <set>

#include "base/format.h"
#include "base/limits.h"
#include "checkpoint/format/layout.h"
#include "checkpoint/format/safetensors_header.h"

namespace tagalign::checkpoint {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kFormatName = "tagalign-checkpoint";
constexpr std::string_view kSealStart = "{\"xxh3_128\": \"";
constexpr std::string_view kSealEnd = "\",\n";
constexpr std::size_t kHexDigits = 32;
constexpr std::size_t kSealBytes = kSealStart.size() + kHexDigits + kSealEnd.size();

std::string seal(const std::string& body) {
  return std::string(kSealStart) + digest128(as_bytes(body)).hex() + std::string(kSealEnd);
}

Json encode_position(const RunPosition& position) {
  Json scalars = Json::object();
  for (const auto& [name, value] : position.scalars) scalars[name] = format("{:.17g}", value);
  Json json = {{"format", kFormatName},
          {"version", kManifestVersion},
          {"step", position.step},
          {"samples", position.samples},
          {"seed", position.seed},
          {"scheduled", position.scheduled},
          {"world_size", position.world_size},
          {"global_batch", position.global_batch},
          {"dataset_digest", position.dataset_digest},
          {"config_digest", position.config_digest},
          {"model_digest", position.model_digest},
          {"scalars", scalars}};
  if (!position.settings.empty()) json["settings"] = position.settings;
  return json;
}

Json encode_tensor(const TensorRecord& tensor) {
  Json slices = Json::array();
  for (const SliceRecord& slice : tensor.slices) {
    slices.push_back({{"shard", slice.shard}, {"begin", slice.begin}, {"end", slice.end}});
  }
  return {{"name", tensor.name},
          {"dtype", dtype_name(tensor.dtype)},
          {"shape", tensor.shape},
          {"slices", slices}};
}

/// A value of the wrong kind throws, and is caught in decode_manifest().
std::uint64_t unsigned_at(const Json& json, const char* key) {
  const Json& value = json.at(key);
  if (!value.is_number_unsigned()) {
    throw std::invalid_argument(format("'{}' is not a non-negative integer", key));
  }
  return value.get<std::uint64_t>();
}

int int_at(const Json& json, const char* key) {
  const std::uint64_t value = unsigned_at(json, key);
  if (value > INT32_MAX) throw std::invalid_argument(format("'{}' is too large", key));
  return static_cast<int>(value);
}

double decode_scalar(const std::string& name, const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    throw std::invalid_argument(format("scalar '{}' is not a number: '{}'", name, text));
  }
  return value;
}

RunPosition decode_position(const Json& json) {
  RunPosition position;
  position.step = unsigned_at(json, "step");
  position.samples = unsigned_at(json, "samples");
  position.seed = unsigned_at(json, "seed");
  position.scheduled = json.at("scheduled").get<bool>();
  position.world_size = int_at(json, "world_size");
  position.global_batch = int_at(json, "global_batch");
  position.dataset_digest = json.at("dataset_digest").get<std::string>();
  position.config_digest = json.at("config_digest").get<std::string>();
  position.model_digest = json.at("model_digest").get<std::string>();
  for (const auto& [name, value] : json.at("scalars").items()) {
    position.scalars[name] = decode_scalar(name, value.get<std::string>());
  }
  if (json.contains("settings"))
    position.settings = json["settings"].get<std::map<std::string, std::string>>();
  return position;
}

ShardRecord decode_shard(const Json& json, std::size_t rank, std::size_t world) {
  if (json.at("file").get<std::string>() != shard_name(rank, world)) {
    throw std::invalid_argument(format("shard {} is not named {}", rank, shard_name(rank, world)));
  }
  Result<Digest128> digest = Digest128::from_hex(json.at("xxh3_128").get<std::string>());
  if (!digest.ok()) throw std::invalid_argument(digest.status().message());
  return {unsigned_at(json, "bytes"), *digest};
}

TensorRecord decode_tensor(const Json& json, std::size_t shards) {
  TensorRecord tensor;
  tensor.name = json.at("name").get<std::string>();
  Result<DType> dtype = dtype_from_name(json.at("dtype").get<std::string>());
  if (!dtype.ok()) throw std::invalid_argument(dtype.status().message());
  tensor.dtype = *dtype;
  tensor.shape = json.at("shape").get<std::vector<std::int64_t>>();
  const auto bytes = tensor_bytes(tensor.dtype, tensor.shape);
  std::uint64_t next = 0;
  for (const Json& slice : json.at("slices")) {
    const SliceRecord record{unsigned_at(slice, "shard"), unsigned_at(slice, "begin"),
                             unsigned_at(slice, "end")};
    if (record.shard >= shards || record.begin != next || record.end <= record.begin) {
      throw std::invalid_argument(format("slices of tensor '{}' are not gapless", tensor.name));
    }
    next = record.end;
    tensor.slices.push_back(record);
  }
  if (!bytes || next != *bytes / dtype_bytes(tensor.dtype)) {
    throw std::invalid_argument(format("slices of tensor '{}' do not cover it", tensor.name));
  }
  return tensor;
}

ManifestContent decode_content(const Json& json) {
  ManifestContent content;
  content.position = decode_position(json);
  const Json& shards = json.at("shards");
  if (shards.size() != static_cast<std::size_t>(content.position.world_size)) {
    throw std::invalid_argument("there is not one shard per rank");
  }
  std::uint64_t shard_bytes = 0;
  for (std::size_t rank = 0; rank < shards.size(); ++rank) {
    content.shards.push_back(decode_shard(shards[rank], rank, shards.size()));
    shard_bytes += content.shards.back().bytes;
  }
  std::set<std::string> names;
  for (const Json& tensor : json.at("tensors")) {
    content.tensors.push_back(decode_tensor(tensor, shards.size()));
    const TensorRecord& record = content.tensors.back();
    const std::uint64_t bytes = *tensor_bytes(record.dtype, record.shape);
    if (bytes > shard_bytes) throw std::invalid_argument("the tensors exceed the shards");
    shard_bytes -= bytes;
    if (!names.insert(record.name).second) {
      throw std::invalid_argument(format("tensor '{}' is doubled", record.name));
    }
  }
  return content;
}

Status check_shard_sizes(FileSystem& files, const Path& folder, const ManifestContent& content) {
  for (std::size_t rank = 0; rank < content.shards.size(); ++rank) {
    const std::string name = shard_name(rank, content.shards.size());
    const Result<std::uint64_t> found = files.file_size(folder / name);
    const std::uint64_t expected = content.shards[rank].bytes;
    if (found.status().code() == ErrorCode::kNotFound) {
      return data_loss(format("shard {}: expected {} bytes, found no file", name, expected));
    }
    if (!found.ok()) return found.status();
    if (*found != expected) {
      return data_loss(format("shard {}: expected {} bytes, found {}", name, expected, *found));
    }
  }
  return ok_status();
}

Status check_folder_name(const Path& folder, const RunPosition& position) {
  const auto step = step_of_name(folder.filename().string());
  if (!step || *step == position.step) return ok_status();
  return data_loss(format("the manifest is of step {}, not of this folder's", position.step));
}

}  // namespace

Result<std::string> encode_manifest(const ManifestContent& content) {
  Json json = encode_position(content.position);
  json["shards"] = Json::array();
  for (std::size_t rank = 0; rank < content.shards.size(); ++rank) {
    const ShardRecord& shard = content.shards[rank];
    json["shards"].push_back({{"file", shard_name(rank, content.shards.size())},
                              {"bytes", shard.bytes},
                              {"xxh3_128", shard.digest.hex()}});
  }
  json["tensors"] = Json::array();
  for (const TensorRecord& tensor : content.tensors)
    json["tensors"].push_back(encode_tensor(tensor));
  try {
    const std::string body =
        json.dump(1).substr(2) + "\n";  // behind "{\n", which the seal replaces
    return seal(body) + body;
  } catch (const Json::exception& error) {
    return invalid_argument(
        format("a name or digest in the manifest is not UTF-8: {}", error.what()));
  }
}

Result<ManifestContent> decode_manifest(std::string_view text) {
  if (text.size() < kSealBytes)
    return data_loss(format("expected a manifest, found {} bytes", text.size()));
  const std::string expected = seal(std::string(text.substr(kSealBytes)));
  if (text.substr(0, kSealBytes) != expected) {
    return data_loss(
        format("the first line should be '{}' (the XXH3-128 of what follows), found '{}'",
               expected.substr(0, kSealBytes - 1), text.substr(0, kSealBytes - 1)));
  }
  try {
    const Json json = Json::parse(text);
    const std::string name = json.at("format").get<std::string>();
    const int version = int_at(json, "version");
    if (name != kFormatName || version != kManifestVersion) {
      return unsupported(
          format("expected {} version {}, found {} version {}; use the version of tagalign "
                 "that wrote it",
                 kFormatName, kManifestVersion, name, version));
    }
    return decode_content(json);
  } catch (const std::exception& error) {
    return data_loss(error.what());
  }
}

Result<ManifestFile> read_manifest_file(FileSystem& files, const Path& step_folder) {
  const Path path = step_folder / kManifestName;
  const Result<std::string> text = files.read_file(path, limits::kManifestBytesMax);
  if (text.status().code() == ErrorCode::kNotFound) {
    return not_found(format("checkpoint {}: no {}; it is not a checkpoint", step_folder.string(),
                            kManifestName));
  }
  if (!text.ok()) return text.status();
  Result<ManifestContent> content = decode_manifest(*text);
  if (!content.ok()) return content.status().with_context(path.string());
  Status status = check_folder_name(step_folder, content->position);
  if (status.ok()) status = check_shard_sizes(files, step_folder, *content);
  if (!status.ok()) return status.with_context(format("checkpoint {}", step_folder.string()));
  ManifestFile file;
  file.manifest = {content->position, digest128(as_bytes(*text)).hex(), step_folder};
  file.content = std::move(content).value();
  return file;
}

Result<Manifest> read_manifest(FileSystem& files, const Path& step_folder) {
  TA_ASSIGN_OR_RETURN(ManifestFile file, read_manifest_file(files, step_folder));
  return std::move(file.manifest);
}

}  // namespace tagalign::checkpoint
