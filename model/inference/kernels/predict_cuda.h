/// The fused kernel behind count_predictions(). Free of CUDA types, so that CPU builds can name it.
#pragma once

#include <cstdint>

namespace tagalign::model {

/// Device pointers of one image; all are borrowed and stay in use until the stream has run.
struct PredictionCountArguments {
  const float* scores;   ///< [C, pixels]
  const void* label;     ///< [pixels] uint16
  std::int64_t* table;   ///< [3, C], added to: intersect, predicted, labelled
  std::int64_t classes;  ///< C
  std::int64_t pixels;
  int ignore_index;
  int device;    ///< CUDA ordinal
  bool softmax;  ///< largest softmax, else largest score
};

/// Enqueues the kernel on the device's current stream. Aborts when CUDA refuses the launch, and in
/// a build without CUDA, where no tensor can be on a GPU.
void count_predictions_cuda(const PredictionCountArguments& arguments);

}  // namespace tagalign::model
