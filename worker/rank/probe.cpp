#include "worker/rank/probe.h"

#include <ATen/Context.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <torch/headeronly/version.h>

#include <nlohmann/json.hpp>

#include "base/json_text.h"

namespace tagalign::jobs {

std::string probe_json(int rank, int world) {
  constexpr bool kCudaBuild = TAGALIGN_HAS_NCCL != 0;
  return json_text(
      nlohmann::json{{"rank", rank},
                     {"world", world},
                     {"torch", TORCH_VERSION},
                     {"cuda_build", kCudaBuild},
                     {"gpus", at::hasCUDA() ? at::detail::getCUDAHooks().deviceCount() : 0},
                     {"nccl", kCudaBuild ? "compiled in" : "none"}});
}

}  // namespace tagalign::jobs
