#include "worker/weights/export_job.h"

#include <algorithm>
#include <string>
#include <vector>

#include "base/counted.h"
#include "base/format.h"
#include "worker/weights/export_metadata.h"
#include "worker/weights/trained_weights.h"
#include "worker/weights/weights.h"

namespace tagalign::jobs {
namespace {

/// What others get is whole, or nothing could read it.
Status check_whole(const TrainedWeights& trained) {
  constexpr std::size_t kNamed = 5;
  const model::WeightNames& names = *trained.method->weights;
  TA_ASSIGN_OR_RETURN(const auto shapes, names.shapes(trained.tensors, nullptr));
  std::vector<std::string> missing;
  for (const auto& [name, shape] : shapes) {
    if (!trained.tensors.contains(name)) missing.push_back(name);
  }
  if (missing.empty()) return ok_status();
  std::string named;
  for (std::size_t i = 0; i < std::min(missing.size(), kNamed); ++i)
    named += (i > 0 ? ", " : "") + missing[i];
  return invalid_argument(format("export {}: expected all tensors of {}, {} are missing: {}{}",
                                 trained.path.string(), trained.layout.architecture, missing.size(),
                                 named, missing.size() > kNamed ? ", …" : ""));
}

}  // namespace

Result<std::string> export_weights(FileSystem& files, const ExportOptions& options) {
  TA_ASSIGN_OR_RETURN(auto trained, read_trained_weights(files, options.checkpoint));
  if (!options.clip.empty())
    TA_RETURN_IF_ERROR(bind_clip(files, options.clip, trained).with_context("--clip"));
  TA_RETURN_IF_ERROR(check_whole(trained));
  const auto& names = *trained.method->weights;
  const std::string naming =
      options.naming.empty() ? names.naming(trained.tensors) : options.naming;
  TA_ASSIGN_OR_RETURN(const auto tensors, names.respelled(trained.tensors, naming));
  TA_RETURN_IF_ERROR(save_weights(
      files, options.output, tensors,
      export_metadata(tensors, naming, trained.layout.architecture, trained.position)));
  std::string said = format("{}: {} of {} (step {}), naming {}: {}", options.output,
                            counted(tensors.size(), "tensor"), trained.path.string(),
                            trained.position.step, naming, trained.layout.architecture);
  for (const std::string& notice : trained.notices) said += "\n" + notice;
  return said;
}

}  // namespace tagalign::jobs
