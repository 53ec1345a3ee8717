#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>

#include "base/format.h"
#include "checkpoint/format/layout.h"
#include "checkpoint/format/manifest.h"
#include "checkpoint/format/manifest_text.h"
#include "checkpoint/format/safetensors_header.h"

namespace tagalign::checkpoint {
namespace {

using Json = nlohmann::ordered_json;

/// Of a program that knew more than this one.
struct UnknownKey : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A key may be skipped only where its writer said so: any other might change what the rest means.
void expect_keys(const Json& json, const std::vector<std::string_view>& known,
                 std::string_view what) {
  if (!json.is_object()) throw std::invalid_argument(format("{} is not an object", what));
  for (const auto& item : json.items()) {
    const std::string& key = item.key();
    if (key.starts_with('?') || std::ranges::find(known, key) != known.end()) continue;
    throw UnknownKey(format(
        "key '{}' of {} is unknown here; use the version of tagalign that wrote it", key, what));
  }
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

/// As all below: what is wrong throws.
template <class T>
T required(Result<T> result) {
  if (!result.ok()) throw std::invalid_argument(result.status().message());
  return std::move(result).value();
}

RunPosition decode_position(const Json& json, int version) {
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
  if (version > 1) position.code = json.at("code").get<std::string>();
  for (const auto& [name, value] : json.at("scalars").items()) {
    position.scalars[name] = decode_scalar(name, value.get<std::string>());
  }
  if (json.contains("settings"))
    position.settings = json["settings"].get<std::map<std::string, std::string>>();
  return position;
}

ShardRecord decode_shard(const Json& json, std::size_t rank, std::size_t world) {
  expect_keys(json, {"file", "bytes", "xxh3_128"}, format("shard {}", rank));
  if (json.at("file").get<std::string>() != shard_name(rank, world)) {
    throw std::invalid_argument(format("shard {} is not named {}", rank, shard_name(rank, world)));
  }
  return {unsigned_at(json, "bytes"),
          required(Digest128::from_hex(json.at("xxh3_128").get<std::string>()))};
}

SliceRecord decode_slice(const Json& json, const TensorRecord& tensor, int version) {
  const std::string what = format("a slice of tensor '{}'", tensor.name);
  std::vector<std::string_view> known = {"shard", "begin", "end"};
  if (version > 1) known.push_back("blocks");
  expect_keys(json, known, what);
  SliceRecord slice{unsigned_at(json, "shard"), unsigned_at(json, "begin"),
                    unsigned_at(json, "end")};
  if (version > 1)
    slice.blocks = required(decode_blocks(json.at("blocks").get_ref<const std::string&>()));
  return slice;
}

/// Of a slice whose range is known to lie within a tensor.
std::uint64_t slice_bytes(const TensorRecord& tensor, const SliceRecord& slice) {
  return (slice.end - slice.begin) * dtype_bytes(tensor.dtype);
}

/// The slices make up the tensor, and each has a digest for each of its blocks.
void check_slices(const TensorRecord& tensor, std::size_t shards, int version) {
  const auto bytes = tensor_bytes(tensor.dtype, tensor.shape);
  std::uint64_t next = 0;
  for (const SliceRecord& slice : tensor.slices) {
    if (slice.shard >= shards || slice.begin != next || slice.end <= slice.begin)
      throw std::invalid_argument(format("slices of tensor '{}' are not gapless", tensor.name));
    next = slice.end;
  }
  if (!bytes || next != *bytes / dtype_bytes(tensor.dtype))
    throw std::invalid_argument(format("slices of tensor '{}' do not cover it", tensor.name));
  for (const SliceRecord& slice : tensor.slices) {
    const std::uint64_t blocks = (slice_bytes(tensor, slice) + kBlockBytes - 1) / kBlockBytes;
    if (version > 1 && slice.blocks.size() != blocks) {
      throw std::invalid_argument(format("tensor '{}': expected digests of {} blocks, found {}",
                                         tensor.name, blocks, slice.blocks.size()));
    }
  }
}

TensorRecord decode_tensor(const Json& json, std::size_t shards, int version) {
  expect_keys(json, {"name", "dtype", "shape", "slices"}, "a tensor");
  TensorRecord tensor;
  tensor.name = json.at("name").get<std::string>();
  tensor.dtype = required(dtype_from_name(json.at("dtype").get<std::string>()));
  tensor.shape = json.at("shape").get<std::vector<std::int64_t>>();
  for (const Json& slice : json.at("slices"))
    tensor.slices.push_back(decode_slice(slice, tensor, version));
  check_slices(tensor, shards, version);
  return tensor;
}

/// What no slice accounts for is the shard's header. No sum is made of what a file says: it may overflow.
void check_shards(const ManifestContent& content) {
  std::vector<std::uint64_t> left;
  for (const ShardRecord& shard : content.shards) left.push_back(shard.bytes);
  for (const TensorRecord& tensor : content.tensors) {
    for (const SliceRecord& slice : tensor.slices) {
      const std::uint64_t bytes = slice_bytes(tensor, slice);
      if (bytes > left[slice.shard]) throw std::invalid_argument("the tensors exceed the shards");
      left[slice.shard] -= bytes;
    }
  }
  if (content.version == 1) return;
  for (std::size_t rank = 0; rank < left.size(); ++rank) {
    if (left[rank] != 0 && left[rank] % kDataAlignment == 0) continue;
    throw std::invalid_argument(
        format("shard {}: {} bytes are left for its header, expected a multiple of {}", rank,
               left[rank], kDataAlignment));
  }
}

void expect_document_keys(const Json& json, int version) {
  std::vector<std::string_view> known = {
      "xxh3_128",  "format",     "version",      "step",          "samples",        "seed",
      "scheduled", "world_size", "global_batch", "config_digest", "dataset_digest", "model_digest",
      "scalars",   "settings",   "shards",       "tensors"};
  if (version > 1) known.push_back("code");
  expect_keys(json, known, "the manifest");
}

ManifestContent decode_content(const Json& json, int version) {
  expect_document_keys(json, version);
  ManifestContent content;
  content.version = version;
  content.position = decode_position(json, version);
  const Json& shards = json.at("shards");
  if (shards.size() != static_cast<std::size_t>(content.position.world_size)) {
    throw std::invalid_argument("there is not one shard per rank");
  }
  for (std::size_t rank = 0; rank < shards.size(); ++rank)
    content.shards.push_back(decode_shard(shards[rank], rank, shards.size()));
  std::set<std::string> names;
  for (const Json& tensor : json.at("tensors")) {
    content.tensors.push_back(decode_tensor(tensor, shards.size(), version));
    const std::string& name = content.tensors.back().name;
    if (!names.insert(name).second)
      throw std::invalid_argument(format("tensor '{}' is doubled", name));
  }
  check_shards(content);
  return content;
}

}  // namespace

Result<std::vector<Digest128>> decode_blocks(std::string_view text) {
  if (text.size() % kDigestDigits != 0)
    return data_loss(
        format("digests of blocks: {} digits are no whole number of them", text.size()));
  std::vector<Digest128> blocks;
  blocks.reserve(text.size() / kDigestDigits);
  for (; !text.empty(); text.remove_prefix(kDigestDigits)) {
    TA_ASSIGN_OR_RETURN(const Digest128 block, Digest128::from_hex(text.substr(0, kDigestDigits)));
    blocks.push_back(block);
  }
  return blocks;
}

Result<ManifestContent> decode_manifest(std::string_view text) {
  if (text.size() < kSealBytes)
    return data_loss(format("expected a manifest, found {} bytes", text.size()));
  const std::string expected = manifest_seal(text.substr(kSealBytes));
  if (text.substr(0, kSealBytes) != expected) {
    return data_loss(
        format("the first line should be '{}' (the XXH3-128 of what follows), found '{}'",
               expected.substr(0, kSealBytes - 1), text.substr(0, kSealBytes - 1)));
  }
  try {
    const Json json = Json::parse(text);
    const std::string name = json.at("format").get<std::string>();
    const int version = int_at(json, "version");
    if (name != kFormatName || version < 1 || version > kManifestVersion) {
      return unsupported(
          format("expected {} version 1 to {}, found {} version {}; use the version of tagalign "
                 "that wrote it",
                 kFormatName, kManifestVersion, name, version));
    }
    return decode_content(json, version);
  } catch (const UnknownKey& error) {
    return unsupported(error.what());
  } catch (const std::exception& error) {
    return data_loss(error.what());
  }
}

}  // namespace tagalign::checkpoint
