/// What manifest.json says, as values; text form in format.md. Pure but for read_manifest_file().
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/checksum.h"
#include "checkpoint/run_position.h"
#include "checkpoint/tensors.h"

namespace tagalign::checkpoint {

inline constexpr int kManifestVersion = 2;  ///< that is written; 1 is read, too

/// Each block of a slice has its own digest, so that any part of a checkpoint can be verified by
/// reading little more than that part, and several threads can verify one slice.
inline constexpr std::uint64_t kBlockBytes = 256 << 10;

struct ShardRecord {
  std::uint64_t bytes = 0;
  /// Version 2: of the header (length field and JSON) followed by the digests of all blocks in the
  /// file's order. Version 1: of all bytes of the file.
  Digest128 digest;
};

/// Elements begin … end-1 of a tensor lie in shard `shard`.
struct SliceRecord {
  std::size_t shard = 0;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  std::vector<Digest128> blocks = {};  ///< of its bytes, kBlockBytes at a time; none in version 1
};

struct TensorRecord {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<std::int64_t> shape;
  std::vector<SliceRecord> slices;  ///< ascending and gapless; none for a tensor without elements
};

struct ManifestContent {
  int version = kManifestVersion;
  RunPosition position;
  std::vector<ShardRecord> shards;  ///< one per rank
  std::vector<TensorRecord> tensors;
};

/// Digests of `bytes`, kBlockBytes at a time; none for none.
std::vector<Digest128> block_digests(ByteSpan bytes);
/// Of a shard of version 2: its header's bytes, then its slices' blocks in the file's order.
Digest128 shard_digest(std::string_view header, const std::vector<Digest128>& blocks);

/// Equal contents give equal text. kInvalidArgument when a string is not UTF-8.
Result<std::string> encode_manifest(const ManifestContent& content);
/// kDataLoss when the text's own digest or its structure is wrong; kUnsupported for another version
/// and for a key that this version does not know, unless its name begins with '?': such a key may
/// be skipped by whoever does not know it.
Result<ManifestContent> decode_manifest(std::string_view text);

/// What names the content: equal for equal states of equal runs, whatever program wrote them and
/// wherever they lie. `text`: the manifest's own.
Result<std::string> content_digest(const ManifestContent& content, std::string_view text);

struct ManifestFile {
  Manifest manifest;
  ManifestContent content;
};
/// As read_manifest(), with all that the file says.
Result<ManifestFile> read_manifest_file(FileSystem& files, const Path& step_folder);

}  // namespace tagalign::checkpoint
