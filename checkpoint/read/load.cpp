#include <algorithm>

#include "base/format.h"
#include "checkpoint/format/layout.h"
#include "checkpoint/format/manifest.h"
#include "checkpoint/format/safetensors_header.h"
#include "checkpoint/format/shard_plan.h"

namespace tagalign::checkpoint {
namespace {

/// Where the bytes of one shard's entry go.
struct Target {
  DType dtype = DType::kF32;
  std::span<std::byte> bytes;
};
using Targets = std::map<std::string, Target>;

/// Tensors of the right size, and for each shard what it must hold.
struct Destination {
  TensorMap tensors;
  std::vector<Targets> shards;
};

Destination prepare(const ManifestContent& content) {
  Destination destination;
  destination.shards.resize(content.shards.size());
  for (const TensorRecord& record : content.tensors) {
    TensorData& data = destination.tensors[record.name];
    data = {record.dtype, record.shape, ByteBuffer(*tensor_bytes(record.dtype, record.shape))};
    const std::size_t width = dtype_bytes(record.dtype);
    for (const SliceRecord& slice : record.slices) {
      const std::string name =
          slice_name(record.name, slice.begin, slice.end, data.bytes.size() / width);
      const auto bytes =
          data.bytes.span().subspan(slice.begin * width, (slice.end - slice.begin) * width);
      destination.shards[slice.shard][name] = {record.dtype, bytes};
    }
  }
  return destination;
}

/// Reads a whole shard into its targets. The digest covers every byte of the file, so that nothing
/// that was read may be used until it has been compared.
Result<Digest128> read_shard(FileSystem& files, const Path& path, const Targets& targets) {
  TA_ASSIGN_OR_RETURN(const LocatedHeader located, read_header(files, path));
  Hasher128 hasher;
  hasher.update(located.bytes);
  const std::size_t tensors = located.header.entries.size() + located.header.not_read.size();
  if (tensors != targets.size())
    return data_loss(format("expected {} tensors, found {}", targets.size(), tensors));
  if (!located.header.not_read.empty())
    return data_loss(format("tensor '{}' is of the type {}, which no checkpoint has",
                            located.header.not_read[0].name, located.header.not_read[0].type));
  for (const HeaderEntry& entry : located.header.entries) {
    const auto target = targets.find(entry.name);
    if (target == targets.end())
      return data_loss(format("tensor '{}' is not in the manifest", entry.name));
    if (entry.dtype != target->second.dtype ||
        entry.end - entry.begin != target->second.bytes.size()) {
      return data_loss(format("tensor '{}': expected {} bytes of {}, found {} of {}", entry.name,
                              target->second.bytes.size(), dtype_name(target->second.dtype),
                              entry.end - entry.begin, dtype_name(entry.dtype)));
    }
    TA_RETURN_IF_ERROR(
        files.read_range(path, located.data_start + entry.begin, target->second.bytes));
    hasher.update(target->second.bytes);
  }
  return hasher.digest();
}

/// A file changed under us, or was damaged: both are loss of data to whoever wanted to load it.
Status as_data_loss(const Status& status) {
  return status.ok() || status.code() == ErrorCode::kPermissionDenied ? status
                                                                      : data_loss(status.message());
}

}  // namespace

Result<TensorMap> load(FileSystem& files, const Manifest& manifest) {
  const std::string where = format("load checkpoint {}", manifest.folder.string());
  TA_ASSIGN_OR_RETURN(const ManifestFile file, read_manifest_file(files, manifest.folder));
  if (file.manifest.digest != manifest.digest) {
    return data_loss(format("{}: expected manifest {}, found {}; it was replaced meanwhile", where,
                            manifest.digest, file.manifest.digest));
  }
  Destination destination = prepare(file.content);
  for (std::size_t rank = 0; rank < file.content.shards.size(); ++rank) {
    const std::string name = shard_name(rank, file.content.shards.size());
    const std::string shard = format("{}: shard {}", where, name);
    const Result<Digest128> found =
        read_shard(files, manifest.folder / name, destination.shards[rank]);
    if (!found.ok()) return as_data_loss(found.status()).with_context(shard);
    const Digest128 expected = file.content.shards[rank].digest;
    if (*found != expected) {
      return data_loss(
          format("{}: expected XXH3-128 {}, found {}", shard, expected.hex(), found->hex()));
    }
  }
  return std::move(destination.tensors);
}

Result<Newest> load_newest(FileSystem& files, const Path& folder) {
  Newest newest;
  if (!files.exists(folder)) return newest;
  TA_ASSIGN_OR_RETURN(const std::vector<std::string> names, files.list_directory(folder));
  std::vector<std::uint64_t> steps;
  for (const std::string& name : names) {
    if (const auto step = step_of_name(name)) steps.push_back(*step);
  }
  std::sort(steps.rbegin(), steps.rend());
  for (const std::uint64_t step : steps) {
    const Path path = folder / step_name(step);
    Result<Manifest> manifest = read_manifest(files, path);
    if (!manifest.ok()) {
      newest.skipped.push_back({path, manifest.status()});
      continue;
    }
    Result<TensorMap> tensors = load(files, *manifest);
    if (!tensors.ok()) {
      newest.skipped.push_back({path, tensors.status()});
      continue;
    }
    newest.found = true;
    newest.manifest = std::move(manifest).value();
    newest.tensors = std::move(tensors).value();
    break;
  }
  return newest;
}

}  // namespace tagalign::checkpoint
