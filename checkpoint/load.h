/// Reading checkpoints: by any number of ranks, all of it or some of it, believed only when verified.
///
/// A checkpoint exists when its manifest does; the manifest lists the digest of every block of every
/// shard, and every byte that is handed out has been checked against it. Blocks are read and hashed by
/// several threads, straight into the memory that is handed out.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/status.h"
#include "checkpoint/run_position.h"
#include "checkpoint/tensors.h"

namespace tagalign::checkpoint {

/// Manifest of one step folder; kDataLoss or kNotFound with what is wrong. Checks the manifest
/// and the shards' sizes.
Result<Manifest> read_manifest(FileSystem& files, const Path& step_folder);

/// Elements begin … end-1 of a tensor.
struct Range {
  std::uint64_t begin = 0;
  std::uint64_t end = UINT64_MAX;  ///< or the tensor's end, where that comes first
};

struct LoadOptions {
  /// By tensor name: only these elements are read (and whatever else shares their first and last
  /// block). A tensor that is not named is read whole.
  std::map<std::string, Range> parts = {};
  int threads = 4;
};

/// All tensors, every byte checked. kDataLoss names shard, expected and found.
Result<TensorMap> load(FileSystem& files, const Manifest& manifest, const LoadOptions& options = {});

struct Skipped {
  Path folder;
  Status reason;
};
struct Newest {
  bool found = false;
  Manifest manifest;
  TensorMap tensors;
  std::vector<Skipped> skipped;  ///< newer ones that are damaged, newest first
};
/// The newest checkpoint below `folder` that verifies, loaded; damaged ones are skipped and said.
/// What `options` leave out is not read, and so not verified either.
Result<Newest> load_newest(FileSystem& files, const Path& folder, const LoadOptions& options = {});
/// Step folders that have a readable manifest, ascending; the shards' hashes are not checked.
Result<std::vector<Manifest>> list(FileSystem& files, const Path& folder);
/// Reads and checks every byte and hands out none. As load().
Status verify(FileSystem& files, const Manifest& manifest, int threads = 4);

}  // namespace tagalign::checkpoint
