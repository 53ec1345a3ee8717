#include "worker/weights/export_job.h"

#include "base/format.h"
#include "checkpoint/checkpoint.h"
#include "worker/weights/export_metadata.h"
#include "worker/weights/trained_weights.h"
#include "worker/weights/weights.h"

namespace tagalign::jobs {
namespace {

/// `path` itself, or the newest step folder below it.
Result<Path> step_folder_of(FileSystem& files, const Path& path) {
  if (!files.list_directory(path).ok() || files.exists(path / "manifest.json")) return path;
  TA_ASSIGN_OR_RETURN(const auto manifests, checkpoint::list(files, path));
  return manifests.empty() ? path : manifests.back().folder;
}

}  // namespace

Result<std::string> export_weights(FileSystem& files, const ExportOptions& options) {
  TA_ASSIGN_OR_RETURN(const Path source, step_folder_of(files, options.checkpoint));
  TA_ASSIGN_OR_RETURN(auto trained, read_trained_weights(files, source));
  if (!options.clip.empty()) TA_RETURN_IF_ERROR(bind_clip(files, options.clip, trained));
  const auto& names = *trained.method->weights;
  const std::string naming =
      options.naming.empty() ? names.naming(trained.tensors) : options.naming;
  TA_ASSIGN_OR_RETURN(const auto tensors, names.respelled(trained.tensors, naming));
  TA_RETURN_IF_ERROR(save_weights(
      files, options.output, tensors,
      export_metadata(tensors, naming, trained.layout.architecture, trained.position)));
  return format("{}: {} tensors of {} (step {}), naming {}: {}", options.output, tensors.size(),
                source.string(), trained.position.step, naming, trained.layout.architecture);
}

}  // namespace tagalign::jobs
