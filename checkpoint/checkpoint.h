/// Sharded checkpoints: written by all ranks together, read by any number of ranks,
/// believed only when verified.
///
/// Layout (format.md): FOLDER/step-00001200/rank-00000-of-00002.safetensors …, then manifest.json.
/// A checkpoint exists when its manifest does; the manifest lists size and XXH3-128 of every shard,
/// and every byte that is handed out has been checked against it. Free of Torch: tensors are names,
/// types, shapes and bytes (tensor_adapter.h converts).
///
/// State is one list of tensors, equal on all ranks (replicated). The bytes of that list, laid end
/// to end, are cut into `world` ranges; each rank writes its range, and any world size can read
/// what any other wrote.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.h"
#include "base/status.h"

namespace tagalign::checkpoint {

enum class DType : std::uint8_t { kF32, kF16, kBF16, kF64, kI64, kI32, kU8, kBool };
std::string_view dtype_name(DType dtype);  ///< as safetensors writes it: "F32"
Result<DType> dtype_from_name(std::string_view name);
std::size_t dtype_bytes(DType dtype);

/// A tensor that somebody else owns; little-endian, contiguous, row-major.
struct TensorView {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<std::int64_t> shape;
  ByteSpan bytes;
};

/// A tensor with its own bytes.
struct TensorData {
  DType dtype = DType::kF32;
  std::vector<std::int64_t> shape;
  std::vector<std::byte> bytes;
};
using TensorMap = std::map<std::string, TensorData>;

/// Everything beside tensors that a run needs to go on exactly where it was.
struct RunPosition {
  std::uint64_t step = 0;     ///< optimiser steps done
  std::uint64_t samples = 0;  ///< position in the sample sequence: all of the loader's state
  std::uint64_t seed = 0;     ///< keys every random stream
  int world_size = 1;         ///< that wrote it
  int global_batch = 0;
  std::string dataset_digest;             ///< fingerprint of the data set that `samples` counts in
  std::string config_digest;              ///< of what determines the numbers
  /// The settings behind that digest, key → value; empty in checkpoints of earlier versions.
  std::map<std::string, std::string> settings;
  std::string model_digest;               ///< of the frozen weights
  std::map<std::string, double> scalars;  ///< e.g. loss scale; written with 17 digits
  bool scheduled = true;                  ///< false: saved because a stop was asked for
};

struct Manifest {
  RunPosition position;
  std::string digest;  ///< hex XXH3-128 of manifest.json: names the content
  Path folder;
};

/// What the ranks of one save need of each other; jobs implement it with the collective group.
struct Coordination {
  int rank = 0;
  int world = 1;
  /// Gathers one string of every rank to all ranks, in rank order; also a barrier.
  std::function<Result<std::vector<std::string>>(const std::string& mine)> all_gather;
};

/// Who writes in a folder of checkpoints. Leases of one coordinator are ordered by job, then
/// attempt; those of different coordinators are not.
struct Lease {
  std::string coordinator;    ///< letters and digits; empty: none, a rank that runs alone
  std::uint64_t job = 0;      ///< 0 for a rank that runs alone
  std::uint32_t attempt = 0;  ///< alone: filled in by take_lease()

  bool operator==(const Lease&) const = default;
};

/// A manifest is published only while FOLDER/lease names this writer, an older attempt or job of
/// its coordinator, or nobody: a gang that was given up for lost cannot overwrite its successor.
struct SaveOptions {
  Path folder;  ///< parent of the step folders
  Lease lease;
};

/// Collective: every rank calls it with the same tensors and position. On return with ok the
/// checkpoint exists on stable storage (or existed already with equal step and content). On any
/// rank's failure all ranks get an error that names the rank and nothing is left behind but names
/// that start with a dot. kNoSpace on a full disk; the previous ones stay good.
Result<Manifest> save(FileSystem& files, const Coordination& coordination,
                      const SaveOptions& options, const std::vector<TensorView>& tensors,
                      const RunPosition& position);

/// Writes `wanted` into FOLDER/lease and returns it; kAlreadyExists when a later attempt or job of
/// the same coordinator holds it. What anybody else holds is taken over. A rank that runs alone
/// gets an attempt above the last one's. Rank 0, before training.
Result<Lease> take_lease(FileSystem& files, const Path& folder, const Lease& wanted);

/// Manifest of one step folder; kDataLoss or kNotFound with what is wrong. Checks the manifest
/// and the shards' sizes.
Result<Manifest> read_manifest(FileSystem& files, const Path& step_folder);
/// All tensors, every shard's hash checked. kDataLoss names shard, expected and found.
Result<TensorMap> load(FileSystem& files, const Manifest& manifest);

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
/// The newest checkpoint below `folder` that verifies completely, loaded; damaged ones
/// are skipped and said.
Result<Newest> load_newest(FileSystem& files, const Path& folder);
/// Step folders that have a readable manifest, ascending; the shards' hashes are not checked.
Result<std::vector<Manifest>> list(FileSystem& files, const Path& folder);

/// Removes all but the newest `keep_last` scheduled ones (0 keeps all), unscheduled ones older than
/// the newest, and what crashed saves left behind. Rank 0 only.
Status retain(FileSystem& files, const Path& folder, int keep_last);

// ---------------------------------------------------------------- one safetensors file

/// Durable; `metadata` goes into __metadata__.
Status write_safetensors(FileSystem& files, const Path& path,
                         const std::vector<TensorView>& tensors,
                         const std::map<std::string, std::string>& metadata);
struct SafetensorsFile {
  TensorMap tensors;
  std::map<std::string, std::string> metadata;
  std::map<std::string, std::string> not_read;  ///< name → type, of those that DType lacks
};
/// kDataLoss with offset and reason for anything that is not a whole, consistent file.
Result<SafetensorsFile> read_safetensors(FileSystem& files, const Path& path);

}  // namespace tagalign::checkpoint
