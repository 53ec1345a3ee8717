#include "model/inference/dense_scorer.h"

#include <ATen/ops/amax.h>

namespace tagalign::model {

at::Tensor ScoreFinish::image_scores(const at::Tensor& /*image*/,
                                     const at::Tensor& finished) const {
  return at::amax(finished, {1, 2});
}

}  // namespace tagalign::model
