#include "model/methods/grouping/weight_files.h"

#include "base/format.h"
#include "model/files/torch_weights.h"
#include "model/methods/grouping/encoder.h"
#include "model/methods/grouping/projection.h"
#include "model/methods/grouping/tensor_source.h"

namespace tagalign::model::grouping_files {

Result<StateDict> respelled(const StateDict& own, const std::string& naming,
                            std::string_view method) {
  if (naming == method) return own;
  return invalid_argument(format("naming '{}' is not one of {}: expected {}, its official names",
                                 naming, method, method));
}

WeightLayout layout(const StateDict& own, std::string_view method) {
  TensorSource source(own, at::kCPU);
  const auto encoder = GroupingEncoder::take(source, "img_encoder.", /*heads=*/1);
  const auto projection = GroupProjection::take(source, "img_projector.", encoder.width());
  return {.architecture = format("{}, {}", method, encoder.describe()),
          .width = encoder.width(),
          .embedding = projection.embedding()};
}

Result<std::string> asked(std::string_view method) {
  return unsupported(
      format("{} is evaluated from the weights of its authors, not trained", method));
}

Result<ReferenceFile> read_reference(TorchArchive& archive, std::string_view method,
                                     StateDict (*own)(const StateDict& tensors)) {
  TA_ASSIGN_OR_RETURN(const StateDict tensors, read_weights(archive));
  return ReferenceFile{.tensors = own(tensors),
                       .naming = std::string(method),
                       .steps_done = std::nullopt,
                       .schedule_position = std::nullopt,
                       .next_lr = std::nullopt,
                       .moments = std::nullopt};
}

}  // namespace tagalign::model::grouping_files
