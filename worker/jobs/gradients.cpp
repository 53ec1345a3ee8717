#include "worker/jobs/gradients.h"

#include <ATen/ops/zeros_like.h>

#include <span>
#include <vector>

#include "worker/collectives/gradient_buckets.h"
#include "worker/jobs/tensor_spans.h"

namespace tagalign::jobs {
