#include <nlohmann/json.hpp>

#include "base/format.h"
#include "base/json_text.h"
#include "checkpoint/format/layout.h"
#include "coordinator/cli/checkpoints/pages.h"
#include "coordinator/cli/checkpoints/steps.h"

namespace tagalign::cli {
namespace {

using Json = nlohmann::ordered_json;
using checkpoint::ManifestContent;
using checkpoint::ManifestFile;

std::string shape_text(const std::vector<std::int64_t>& shape) {
  return format("[{}]", fmt::join(shape, ", "));
}

/// "0", or "0, 1: elements 0 to 99 and …" is too much for a table: the shards alone.
std::string shards_text(const checkpoint::TensorRecord& tensor) {
  std::vector<std::size_t> shards;
  for (const checkpoint::SliceRecord& slice : tensor.slices) shards.push_back(slice.shard);
  return format("{}", fmt::join(shards, ", "));
}

Record position_of(const ManifestFile& file) {
  const checkpoint::RunPosition& position = file.manifest.position;
  const std::uint64_t bytes = bytes_of(file.content);
  Record record = {{"path", text(file.manifest.folder.string())},
                   {"digest", text(file.manifest.digest)},
                   {"version", number(static_cast<std::uint64_t>(file.content.version))},
                   {"code", text(position.code)},
                   {"step", number(position.step)},
                   {"samples", number(position.samples)},
                   {"seed", text(format("{}", position.seed))},
                   {"scheduled", yes_or_no(position.scheduled)},
                   {"world_size", number(static_cast<std::uint64_t>(position.world_size))},
                   {"global_batch", number(static_cast<std::uint64_t>(position.global_batch))},
                   {"dataset_digest", text(position.dataset_digest)},
                   {"config_digest", text(position.config_digest)},
                   {"model_digest", text(position.model_digest)},
                   {"size", number(bytes, shown_bytes(bytes))}};
  for (const auto& [name, value] : position.scalars)
    record.emplace_back("scalars." + name, text(format("{:.17g}", value)));
  return record;
}

/// A '?' stands before the key of one that does not affect numbers, as format.md says.
Listing settings_of(const ManifestFile& file) {
  Listing listing{
      {{"setting", "SETTING"}, {"value", "VALUE"}, {"affects_numbers", "AFFECTS NUMBERS"}},
      {},
      "all settings at their default"};
  for (const auto& [key, value] : file.manifest.position.settings) {
    const bool is_marked = key.starts_with('?');
    listing.rows.push_back(
        {text(is_marked ? key.substr(1) : key), text(value), text(is_marked ? "no" : "yes")});
  }
  return listing;
}

Listing shards_of(const ManifestContent& content) {
  Listing listing{{{"file", "FILE"}, {"bytes", "BYTES", true}, {"digest", "DIGEST"}}, {}, ""};
  for (std::size_t rank = 0; rank < content.shards.size(); ++rank) {
    const checkpoint::ShardRecord& shard = content.shards[rank];
    listing.rows.push_back({text(checkpoint::shard_name(rank, content.shards.size())),
                            number(shard.bytes), text(shard.digest.hex())});
  }
  return listing;
}

Listing tensors_of(const ManifestContent& content) {
  Listing listing{{{"name", "NAME"}, {"type", "TYPE"}, {"shape", "SHAPE"}, {"shards", "SHARDS"}},
                  {},
                  "no tensors"};
  for (const checkpoint::TensorRecord& tensor : content.tensors) {
    listing.rows.push_back({text(tensor.name), text(std::string(dtype_name(tensor.dtype))),
                            text(shape_text(tensor.shape)), text(shards_text(tensor))});
  }
  return listing;
}

Json position_json(const checkpoint::Manifest& manifest) {
  const checkpoint::RunPosition& position = manifest.position;
  return {{"path", manifest.folder.string()},
          {"digest", manifest.digest},
          {"code", position.code},
          {"step", position.step},
          {"samples", position.samples},
          {"seed", position.seed},
          {"scheduled", position.scheduled},
          {"world_size", position.world_size},
          {"global_batch", position.global_batch},
          {"dataset_digest", position.dataset_digest},
          {"config_digest", position.config_digest},
          {"model_digest", position.model_digest},
          {"scalars", position.scalars},
          {"settings", position.settings}};
}

}  // namespace

StepPage step_page(const ManifestFile& file) {
  return {position_of(file), settings_of(file), shards_of(file.content), tensors_of(file.content)};
}

std::string step_json(const ManifestFile& file) {
  Json json = position_json(file.manifest);
  json["version"] = file.content.version;
  json["bytes"] = bytes_of(file.content);
  json["shards"] = Json::array();
  for (std::size_t rank = 0; rank < file.content.shards.size(); ++rank) {
    const checkpoint::ShardRecord& shard = file.content.shards[rank];
    json["shards"].push_back({{"file", checkpoint::shard_name(rank, file.content.shards.size())},
                              {"bytes", shard.bytes},
                              {"xxh3_128", shard.digest.hex()}});
  }
  json["tensors"] = Json::array();
  for (const checkpoint::TensorRecord& tensor : file.content.tensors) {
    Json slices = Json::array();
    for (const checkpoint::SliceRecord& slice : tensor.slices)
      slices.push_back({{"shard", slice.shard}, {"begin", slice.begin}, {"end", slice.end}});
    json["tensors"].push_back({{"name", tensor.name},
                               {"dtype", dtype_name(tensor.dtype)},
                               {"shape", tensor.shape},
                               {"slices", slices}});
  }
  return json_text(json);
}

}  // namespace tagalign::cli
