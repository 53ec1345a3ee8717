#include "base/status.h"
#include "model/inference/kernels/predict_cuda.h"

namespace tagalign::model {

void count_predictions_cuda(const PredictionCountArguments&) {
  TA_CHECK(false, "this build has no CUDA: configure with TAGALIGN_WITH_CUDA=ON");
}

}  // namespace tagalign::model
