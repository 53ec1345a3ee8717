/// What manifest.json says, as values; text form in format.md. Pure but for read_manifest_file().
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/checksum.h"
#include "checkpoint/checkpoint.h"

namespace tagalign::checkpoint {

inline constexpr int kManifestVersion = 1;

struct ShardRecord {
  std::uint64_t bytes = 0;
  Digest128 digest;
};

/// Elements begin … end-1 of a tensor lie in shard `shard`.
struct SliceRecord {
  std::size_t shard = 0;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

struct TensorRecord {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<std::int64_t> shape;
  std::vector<SliceRecord> slices;  ///< ascending and gapless; none for a tensor without elements
};

struct ManifestContent {
  RunPosition position;
  std::vector<ShardRecord> shards;  ///< one per rank
  std::vector<TensorRecord> tensors;
};

/// Equal contents give equal text. kInvalidArgument when a string is not UTF-8.
Result<std::string> encode_manifest(const ManifestContent& content);
/// kDataLoss when the text's own digest or its structure is wrong;
/// kUnsupported for another version.
Result<ManifestContent> decode_manifest(std::string_view text);

struct ManifestFile {
  Manifest manifest;
  ManifestContent content;
};
/// As read_manifest(), with all that the file says.
Result<ManifestFile> read_manifest_file(FileSystem& files, const Path& step_folder);

}  // namespace tagalign::checkpoint
