#include "worker/jobs/probe.h"

#include <ATen/Context.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <torch/headeronly/version.h>

#include <nlohmann/json.hpp>

namespace tagalign::jobs {

std::string probe_json(int rank, int world) {
  const bool cuda = at::hasCUDA();
  return nlohmann::json{{"rank", rank},
                        {"world", world},
                        {"torch", TORCH_VERSION},
                        {"cuda_build", cuda},
                        {"gpus", cuda ? at::detail::getCUDAHooks().deviceCount() : 0},
                        {"nccl", TAGALIGN_HAS_NCCL ? "compiled in" : "none"}}
      .dump();
}

}  // namespace tagalign::jobs
