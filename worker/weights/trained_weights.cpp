#include "worker/weights/trained_weights.h"

#include <optional>
#include <utility>

#include "base/checksum.h"
#include "base/format.h"
#include "checkpoint/load.h"
#include "checkpoint/tensor_adapter.h"
#include "model/clip/towers.h"
#include "worker/weights/choose_checkpoint.h"
#include "worker/weights/export_metadata.h"
#include "worker/weights/weights.h"

namespace tagalign::jobs {
namespace {

constexpr std::string_view kMoments = "optimizer.";

struct StepFolder {
  checkpoint::Manifest manifest;
  model::StateDict tensors;
};

Result<StepFolder> read_folder(FileSystem& files, const Path& folder) {
  TA_ASSIGN_OR_RETURN(auto manifest, checkpoint::read_manifest(files, folder));
  TA_ASSIGN_OR_RETURN(auto data, checkpoint::load(files, manifest));
  return StepFolder{std::move(manifest), checkpoint::to_tensors(std::move(data))};
}

TrainedWeights own_of(const StepFolder& folder, const model::WeightNames& names) {
  TrainedWeights trained;
  trained.tensors = names.own(folder.tensors);
  for (const auto& [name, tensor] : folder.tensors) {
    if (name.starts_with(kMoments)) trained.moments[name] = tensor;
  }
  trained.position = folder.manifest.position;
  trained.digest = folder.manifest.digest;
  trained.source = "a checkpoint folder";
  return trained;
}

Result<TrainedWeights> read_torch_file(FileSystem& files, const Path& path,
                                       const model::WeightNames& names) {
  TA_ASSIGN_OR_RETURN(auto archive, open_torch_archive(files, path));
  TA_ASSIGN_OR_RETURN(auto file, names.read_reference(archive));
  TrainedWeights trained;
  trained.tensors = std::move(file.tensors);
  trained.naming = file.naming;
  trained.position.step = file.steps_done.value_or(0);
  trained.source = "a state dict of the reference";
  trained.schedule_position = file.schedule_position;
  trained.next_lr = file.next_lr;
  if (file.moments) {
    trained.moments = std::move(file.moments->tensors);
    trained.updates = file.moments->updates;
    trained.late_updates = file.moments->late_updates;
    trained.source = "a training checkpoint of the reference";
  }
  trained.notices = archive.notes().notices;
  return trained;
}

Result<TrainedWeights> read_safetensors_file(FileSystem& files, const Path& path,
                                             const model::WeightNames& names) {
  TA_ASSIGN_OR_RETURN(auto loaded, load_weights(files, path));
  TrainedWeights trained;
  trained.tensors = names.own(loaded.tensors);
  trained.naming = names.naming(loaded.tensors);
  TA_RETURN_IF_ERROR(read_export_metadata(loaded.metadata, trained.position));
  trained.source = "a safetensors file";
  trained.notices = std::move(loaded.notes.notices);
  return trained;
}

Result<TrainedWeights> read_file(FileSystem& files, const Path& path,
                                 const model::WeightNames& names) {
  TA_ASSIGN_OR_RETURN(const auto kind, weights_format_of(files, path));
  TA_ASSIGN_OR_RETURN(auto trained, kind == model::WeightsFormat::kSafetensors
                                        ? read_safetensors_file(files, path, names)
                                        : read_torch_file(files, path, names));
  TA_ASSIGN_OR_RETURN(const Digest128 digest, digest_file(files, path));
  trained.digest = digest.hex();
  return trained;
}

/// What no method's weights are: what each says, and what is there instead.
Status unknown_weights(const std::string& what_methods_say, const model::StateDict& tensors,
                       const model::ReadingNotes& notes) {
  return with_notes(invalid_argument(format("{}; {}", what_methods_say, shown_names(tensors))),
                    notes);
}

Result<TrainedWeights> read_chosen(FileSystem& files, const Path& path) {
  std::optional<StepFolder> folder;
  if (files.list_directory(path).ok()) {
    TA_ASSIGN_OR_RETURN(folder, read_folder(files, path));
  }
  std::string unknown;
  for (const model::Method& method : model::all_methods()) {
    if (method.weights == nullptr) continue;
    auto trained = folder ? Result<TrainedWeights>(own_of(*folder, *method.weights))
                          : read_file(files, path, *method.weights);
    if (!trained.ok()) return trained.status();
    const auto layout = method.weights->layout(trained->tensors);
    if (layout.ok()) {
      trained->method = &method;
      trained->layout = *layout;
      return trained;
    }
    unknown += (unknown.empty() ? "" : "; ") + layout.status().message();
  }
  if (folder) return unknown_weights(unknown, folder->tensors, {});
  TA_ASSIGN_OR_RETURN(const auto loaded, load_weights(files, path));
  return unknown_weights(unknown, loaded.tensors, loaded.notes);
}

}  // namespace

Result<TrainedWeights> read_trained_weights(FileSystem& files, const Path& path) {
  auto chosen = choose_checkpoint(files, path);
  if (!chosen.ok()) return about_checkpoint(path, chosen.status());
  auto trained = read_chosen(files, chosen->path);
  if (!trained.ok()) return about_checkpoint(path, trained.status());
  trained->path = chosen->path;
  trained->notices.insert(trained->notices.begin(), chosen->notices.begin(), chosen->notices.end());
  return trained;
}

Status bind_clip(FileSystem& files, const Path& clip, TrainedWeights& trained) {
  TA_ASSIGN_OR_RETURN(const auto weights, load_weights(files, clip));
  const auto shape = model::infer_clip_shape(weights.tensors);
  if (!shape.ok()) return shape.status().with_context(clip.string());
  const auto& layout = trained.layout;
  if (shape->vision_width != layout.width || shape->embed_dim != layout.embedding) {
    return invalid_argument(format(
        "{}: the projector maps width {} to {}, these CLIP weights have {} and {}", clip.string(),
        layout.width, layout.embedding, shape->vision_width, shape->embed_dim));
  }
  auto& digest = trained.position.model_digest;
  if (!digest.empty() && digest != weights.digest) {
    return invalid_argument(
        format("{}: the projector was trained on other CLIP weights (expected {}, found {})",
               clip.string(), digest, weights.digest));
  }
  digest = weights.digest;
  return ok_status();
}

}  // namespace tagalign::jobs
