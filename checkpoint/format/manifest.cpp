#include "checkpoint/format/manifest.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/format.h"
#include "base/limits.h"
#include "checkpoint/format/layout.h"
#include "checkpoint/format/manifest_text.h"

namespace tagalign::checkpoint {
namespace {

using Json = nlohmann::ordered_json;

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
               {"code", position.code},
               {"scalars", scalars}};
  if (!position.settings.empty()) json["settings"] = position.settings;
  return json;
}

Json encode_tensor(const TensorRecord& tensor) {
  Json slices = Json::array();
  for (const SliceRecord& slice : tensor.slices) {
    slices.push_back({{"shard", slice.shard},
                      {"begin", slice.begin},
                      {"end", slice.end},
                      {"blocks", encode_blocks(slice.blocks)}});
  }
  return {{"name", tensor.name},
          {"dtype", dtype_name(tensor.dtype)},
          {"shape", tensor.shape},
          {"slices", slices}};
}

std::string big_endian(std::uint64_t value) {
  std::string bytes;
  for (int shift = 56; shift >= 0; shift -= 8)
    bytes.push_back(static_cast<char>((value >> shift) & 0xFF));
  return bytes;
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

std::string manifest_seal(std::string_view body) {
  return std::string(kSealStart) + digest128(as_bytes(body)).hex() + std::string(kSealEnd);
}

std::string encode_blocks(const std::vector<Digest128>& blocks) {
  std::string text;
  text.reserve(blocks.size() * kDigestDigits);
  for (const Digest128& block : blocks) text += block.hex();
  return text;
}

std::vector<Digest128> block_digests(ByteSpan bytes) {
  std::vector<Digest128> blocks;
  blocks.reserve((bytes.size() + kBlockBytes - 1) / kBlockBytes);
  for (std::size_t at = 0; at < bytes.size(); at += kBlockBytes)
    blocks.push_back(digest128(bytes.subspan(at, std::min(kBlockBytes, bytes.size() - at))));
  return blocks;
}

Digest128 shard_digest(std::string_view header, const std::vector<Digest128>& blocks) {
  Hasher128 hasher;
  hasher.update(header);
  for (const Digest128& block : blocks)
    hasher.update(big_endian(block.high) + big_endian(block.low));
  return hasher.digest();
}

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
    return manifest_seal(body) + body;
  } catch (const Json::exception& error) {
    return invalid_argument(
        format("a name or digest in the manifest is not UTF-8: {}", error.what()));
  }
}

Result<std::string> content_digest(const ManifestContent& content, std::string_view text) {
  if (content.version == 1) return digest128(as_bytes(text)).hex();
  ManifestContent named = content;
  named.position.code.clear();
  std::erase_if(named.position.settings,
                [](const auto& setting) { return setting.first.starts_with('?'); });
  TA_ASSIGN_OR_RETURN(const std::string stripped, encode_manifest(named));
  return digest128(as_bytes(stripped)).hex();
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
  TA_ASSIGN_OR_RETURN(const std::string digest, content_digest(*content, *text));
  ManifestFile file;
  file.manifest = {content->position, digest, step_folder};
  file.content = std::move(content).value();
  return file;
}

Result<Manifest> read_manifest(FileSystem& files, const Path& step_folder) {
  TA_ASSIGN_OR_RETURN(ManifestFile file, read_manifest_file(files, step_folder));
  return std::move(file.manifest);
}

}  // namespace tagalign::checkpoint
