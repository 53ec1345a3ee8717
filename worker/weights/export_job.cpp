#include "worker/weights/export_job.h"

#include "base/format.h"
#include "worker/weights/export_metadata.h"
#include "worker/weights/trained_weights.h"
#include "worker/weights/weights.h"

namespace tagalign::jobs {

Result<std::string> export_weights(FileSystem& files, const ExportOptions& options) {
  TA_ASSIGN_OR_RETURN(auto trained, read_trained_weights(files, options.checkpoint));
  if (!options.clip.empty()) TA_RETURN_IF_ERROR(bind_clip(files, options.clip, trained));
  const auto& names = *trained.method->weights;
  const std::string naming =
      options.naming.empty() ? names.naming(trained.tensors) : options.naming;
  TA_ASSIGN_OR_RETURN(const auto tensors, names.respelled(trained.tensors, naming));
  TA_RETURN_IF_ERROR(save_weights(
      files, options.output, tensors,
      export_metadata(tensors, naming, trained.layout.architecture, trained.position)));
  std::string said =
      format("{}: {} tensors of {} (step {}), naming {}: {}", options.output, tensors.size(),
             trained.path.string(), trained.position.step, naming, trained.layout.architecture);
  for (const std::string& notice : trained.notices) said += "\n" + notice;
  return said;
}

}  // namespace tagalign::jobs
