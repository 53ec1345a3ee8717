#include "checkpoint/load.h"

#include <algorithm>
#include <deque>
#include <functional>

#include "base/format.h"
#include "checkpoint/format/layout.h"
#include "checkpoint/format/manifest.h"
#include "checkpoint/read/in_order.h"
#include "checkpoint/read/read_plan.h"
#include "checkpoint/read/shard_reader.h"

namespace tagalign::checkpoint {
namespace {

/// A file changed under us, or was damaged: both are loss of data to whoever wanted to load it. What
/// the machine or its storage lacks is not.
Status as_data_loss(Status status) {
  const bool stays = status.ok() || status.code() == ErrorCode::kPermissionDenied ||
                     status.code() == ErrorCode::kUnavailable || status.is_of_the_place();
  return stays ? status : data_loss(status.message());
}

/// The shards of one checkpoint.
class Reading {
 public:
  Reading(FileSystem& files, const ManifestFile& file, const ReadPlan& plan, int threads)
      : file_(file), threads_(threads) {
    for (std::size_t rank = 0; rank < plan.shards.size(); ++rank) {
      shards_.emplace_back(files, file.manifest.folder / name_of(rank), file.content.shards[rank],
                           plan.shards[rank]);
    }
  }

  Status run() {
    TA_RETURN_IF_ERROR(
        each([&](std::size_t rank) { return shards_[rank].locate(file_.content.version); }));
    if (file_.content.version == 1)
      return each([&](std::size_t rank) { return shards_[rank].read_whole(); });
    std::vector<std::pair<std::size_t, std::size_t>> turns;
    for (std::size_t rank = 0; rank < shards_.size(); ++rank) {
      for (std::size_t turn = 0; turn < shards_[rank].turns(); ++turn)
        turns.emplace_back(rank, turn);
    }
    return each_in_order(turns.size(), threads_, [&](std::size_t number) {
      const auto [rank, turn] = turns[number];
      return about(rank, shards_[rank].read_turn(turn));
    });
  }

 private:
  std::string name_of(std::size_t rank) const {
    return shard_name(rank, file_.content.shards.size());
  }
  Status about(std::size_t rank, const Status& status) const {
    return as_data_loss(status).with_context("shard " + name_of(rank));
  }
  Status each(const std::function<Status(std::size_t)>& body) {
    return each_in_order(shards_.size(), threads_,
                         [&](std::size_t rank) { return about(rank, body(rank)); });
  }

  const ManifestFile& file_;
  const int threads_;
  std::deque<ShardReader> shards_;
};

Result<ManifestFile> read_again(FileSystem& files, const Manifest& manifest) {
  TA_ASSIGN_OR_RETURN(ManifestFile file, read_manifest_file(files, manifest.folder));
  if (file.manifest.digest == manifest.digest) return file;
  return data_loss(format("expected manifest {}, found {}; it was replaced meanwhile",
                          manifest.digest, file.manifest.digest));
}

std::string where(const Manifest& manifest) {
  return format("load checkpoint {}", manifest.folder.string());
}

/// Steps of the folders, the newest first.
Result<std::vector<std::uint64_t>> steps_in(FileSystem& files, const Path& folder) {
  TA_ASSIGN_OR_RETURN(const std::vector<std::string> names, files.list_directory(folder));
  std::vector<std::uint64_t> steps;
  for (const std::string& name : names) {
    if (const auto step = step_of_name(name)) steps.push_back(*step);
  }
  std::sort(steps.rbegin(), steps.rend());
  return steps;
}

/// Loads one step into `newest`, or says there why not.
Status try_step(FileSystem& files, const Path& path, const LoadOptions& options, Newest& newest) {
  Result<Manifest> manifest = read_manifest(files, path);
  Status status = manifest.status();
  if (manifest.ok()) {
    Result<TensorMap> tensors = load(files, *manifest, options);
    status = tensors.status();
    if (tensors.ok()) {
      newest.found = true;
      newest.manifest = std::move(manifest).value();
      newest.tensors = std::move(tensors).value();
      return ok_status();
    }
  }
  // A machine that is short of memory or files says nothing about the checkpoint.
  if (status.code() == ErrorCode::kUnavailable) return status;
  newest.skipped.push_back({path, std::move(status)});
  return ok_status();
}

/// One pass from the newest step down; true when a step was removed while it was read, which
/// happens only after a newer one was saved.
Result<bool> pass(FileSystem& files, const Path& folder, const LoadOptions& options,
                  Newest& newest) {
  TA_ASSIGN_OR_RETURN(const std::vector<std::uint64_t> steps, steps_in(files, folder));
  for (const std::uint64_t step : steps) {
    const Path path = folder / step_name(step);
    TA_RETURN_IF_ERROR(try_step(files, path, options, newest));
    if (newest.found) return false;
    if (!files.exists(path)) return true;
  }
  return false;
}

}  // namespace

Result<TensorMap> load(FileSystem& files, const Manifest& manifest, const LoadOptions& options) {
  const Result<ManifestFile> file = read_again(files, manifest);
  if (!file.ok()) return file.status().with_context(where(manifest));
  ReadPlan plan = plan_load(file->content, options.parts);
  const Status status = Reading(files, *file, plan, options.threads).run();
  if (!status.ok()) return status.with_context(where(manifest));
  return std::move(plan.tensors);
}

Status verify(FileSystem& files, const Manifest& manifest, int threads) {
  const Result<ManifestFile> file = read_again(files, manifest);
  if (!file.ok()) return file.status().with_context(where(manifest));
  const ReadPlan plan = plan_verification(file->content);
  return Reading(files, *file, plan, threads).run().with_context(where(manifest));
}

Result<Newest> load_newest(FileSystem& files, const Path& folder, const LoadOptions& options) {
  constexpr int kPassesMax = 8;  // each costs somebody a whole save
  Newest newest;
  if (!files.exists(folder)) return newest;
  for (int number = 1;; ++number) {
    TA_ASSIGN_OR_RETURN(const bool removed, pass(files, folder, options, newest));
    if (!removed || number == kPassesMax) return newest;
    newest = {};
  }
}

Result<std::vector<Manifest>> list(FileSystem& files, const Path& folder) {
  std::vector<Manifest> manifests;
  if (!files.exists(folder)) return manifests;
  TA_ASSIGN_OR_RETURN(const std::vector<std::uint64_t> steps, steps_in(files, folder));
  for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
    Result<Manifest> manifest = read_manifest(files, folder / step_name(*step));
    if (manifest.ok()) manifests.push_back(std::move(manifest).value());
  }
  return manifests;
}

}  // namespace tagalign::checkpoint
