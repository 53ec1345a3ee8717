#include "checkpoint/write/publish.h"

#include <algorithm>
#include <optional>
#include <set>

#include "base/format.h"
#include "checkpoint/format/layout.h"
#include "checkpoint/load.h"

namespace tagalign::checkpoint {
namespace {

/// What a save of the same step by a process that died may have left: names of another number of ranks.
Status remove_foreign(FileSystem& files, const Path& temporary, std::size_t world) {
  std::set<std::string> expected;
  for (std::size_t rank = 0; rank < world; ++rank) expected.insert(shard_name(rank, world));
  TA_ASSIGN_OR_RETURN(const std::vector<std::string> names, files.list_directory(temporary));
  for (const std::string& name : names) {
    if (!expected.contains(name)) TA_RETURN_IF_ERROR(files.remove_all(temporary / name));
  }
  return ok_status();
}

/// What tells one state of a run from another at the same step; the settings' digest stands for them.
Result<std::string> identity_of(RunPosition position) {
  position.scheduled = true;
  position.world_size = 1;
  position.code.clear();
  position.settings.clear();
  ManifestContent content;
  content.position = std::move(position);
  return encode_manifest(content);
}

bool holds(const TensorMap& tensors, const TensorRecord& record) {
  const auto found = tensors.find(record.name);
  if (found == tensors.end() || found->second.dtype != record.dtype ||
      found->second.shape != record.shape)
    return false;
  const std::size_t width = dtype_bytes(record.dtype);
  const ByteSpan bytes = found->second.bytes.span();
  return std::ranges::all_of(record.slices, [&](const SliceRecord& slice) {
    return block_digests(bytes.subspan(slice.begin * width, (slice.end - slice.begin) * width)) ==
           slice.blocks;
  });
}

Result<bool> same_state(const ManifestContent& existing, const TensorMap& tensors,
                        const ManifestContent& content) {
  TA_ASSIGN_OR_RETURN(const std::string theirs, identity_of(existing.position));
  TA_ASSIGN_OR_RETURN(const std::string ours, identity_of(content.position));
  return theirs == ours && tensors.size() == content.tensors.size() &&
         std::ranges::all_of(content.tensors,
                             [&](const TensorRecord& record) { return holds(tensors, record); });
}

/// One save of a state and its checkpoint at one time.
class Publication {
 public:
  Publication(FileSystem& files, const SaveOptions& options, const Path& temporary,
              const ManifestContent& content)
      : files_(files),
        options_(options),
        temporary_(temporary),
        content_(content),
        final_(options.folder / step_name(content.position.step)),
        aside_(options.folder / format(".{}.damaged", step_name(content.position.step))) {}

  Result<Manifest> run();

 private:
  Status write_manifest(const std::string& text);
  Result<std::optional<Manifest>> settle_existing();
  Result<Manifest> keep_existing(ManifestFile existing);

  FileSystem& files_;
  const SaveOptions& options_;
  const Path& temporary_;
  const ManifestContent& content_;
  const Path final_;
  const Path aside_;
};

/// And reads it back with the shards' sizes: what another machine wrote must be here, too.
Status Publication::write_manifest(const std::string& text) {
  TA_RETURN_IF_ERROR(remove_foreign(files_, temporary_, content_.shards.size()));
  TA_RETURN_IF_ERROR(files_.write_durable(temporary_ / kManifestName, text));
  const Result<Manifest> written = read_manifest(files_, temporary_);
  TA_ASSIGN_OR_RETURN(const std::string digest, content_digest(content_, text));
  if (written.ok() && written->digest == digest) return ok_status();
  const Status found = written.ok() ? data_loss("the manifest reads otherwise than it was written")
                                    : written.status();
  return found.with_context("what was saved is not there; do all ranks see the same folder?");
}

/// Under its own text but for `scheduled`, which may be raised.
Result<Manifest> Publication::keep_existing(ManifestFile existing) {
  RunPosition& position = existing.content.position;
  const bool raise = content_.position.scheduled && !position.scheduled;
  if (raise && existing.content.version == kManifestVersion) {
    position.scheduled = true;
    TA_ASSIGN_OR_RETURN(const std::string text, encode_manifest(existing.content));
    TA_RETURN_IF_ERROR(files_.write_durable(final_ / kManifestName, text));
  }
  // Whoever put it there may have been killed before its names were durable.
  TA_RETURN_IF_ERROR(files_.sync_directory(final_));
  TA_RETURN_IF_ERROR(files_.sync_directory(options_.folder));
  TA_RETURN_IF_ERROR(files_.remove_all(temporary_));
  return read_manifest(files_, final_);
}

/// What to do about a step folder that is there already: nothing when it is damaged (it is moved
/// aside), its manifest when it holds the same state; kAlreadyExists when it holds another.
Result<std::optional<Manifest>> Publication::settle_existing() {
  Result<ManifestFile> existing = read_manifest_file(files_, final_);
  Status found = existing.status();
  if (existing.ok()) {
    const Result<TensorMap> tensors = load(files_, existing->manifest);
    found = tensors.status();
    if (tensors.ok()) {
      TA_ASSIGN_OR_RETURN(const bool same, same_state(existing->content, *tensors, content_));
      if (!same) {
        return already_exists(
            format("{} holds another run's state of this step; remove it or choose another folder",
                   final_.string()));
      }
      TA_ASSIGN_OR_RETURN(Manifest kept, keep_existing(std::move(existing).value()));
      return std::optional(std::move(kept));
    }
  }
  // What cannot be read, or not by this version, may be good: only what is known to be bad makes room.
  if (found.code() != ErrorCode::kDataLoss && found.code() != ErrorCode::kNotFound)
    return found.with_context("a checkpoint of this step is there already");
  TA_RETURN_IF_ERROR(files_.remove_all(aside_));
  TA_RETURN_IF_ERROR(files_.rename_durable(final_, aside_));
  return std::optional<Manifest>();
}

Result<Manifest> Publication::run() {
  TA_ASSIGN_OR_RETURN(const std::string text, encode_manifest(content_));
  TA_RETURN_IF_ERROR(write_manifest(text));
  TA_RETURN_IF_ERROR(check_lease(files_, options_.folder, options_.lease));
  if (files_.exists(final_)) {
    TA_ASSIGN_OR_RETURN(const std::optional<Manifest> kept, settle_existing());
    if (kept) return *kept;
  }
  TA_RETURN_IF_ERROR(files_.rename_durable(temporary_, final_));
  TA_ASSIGN_OR_RETURN(Manifest manifest, read_manifest(files_, final_));
  TA_ASSIGN_OR_RETURN(const std::string digest, content_digest(content_, text));
  if (manifest.digest != digest) {
    return data_loss(format("{} was changed while it was published; does another job write there?",
                            final_.string()));
  }
  (void)files_.remove_all(aside_);
  return manifest;
}

}  // namespace

Status prepare_folder(FileSystem& files, const SaveOptions& options, const Path& temporary) {
  TA_RETURN_IF_ERROR(make_folder(files, options.folder));
  // Also when it was there: who made it may have been killed before its name was durable. A parent
  // that cannot be read was not made by such a process.
  const Status named = files.sync_directory(parent_of(options.folder));
  if (named.code() != ErrorCode::kPermissionDenied) TA_RETURN_IF_ERROR(named);
  TA_RETURN_IF_ERROR(check_lease(files, options.folder, options.lease));
  TA_ASSIGN_OR_RETURN(const std::vector<std::string> names, files.list_directory(options.folder));
  for (const std::string& name : names) {
    if (is_leftover(name) && name != temporary.filename())
      TA_RETURN_IF_ERROR(remove_leftover(files, options.folder, name));
  }
  return ok_status();
}

Result<Manifest> publish(FileSystem& files, const SaveOptions& options, const Path& temporary,
                         const ManifestContent& content) {
  return Publication(files, options, temporary, content).run();
}

}  // namespace tagalign::checkpoint
