#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <c10/core/DeviceType.h>
#include <torch/headeronly/version.h>

#include <fstream>

#include "base/format.h"
#include "base/version.h"
#include "worker/rank/circumstances.h"

namespace tagalign::jobs {

std::string circumstances(at::Device device) {
  return format("{}, torch {}, {}, {}, {} threads", kVersion, TORCH_VERSION,
                at::DeviceTypeName(device.type(), /*lower_case=*/true), at::get_cpu_capability(),
                at::get_num_threads());
}

std::string processor_name() {
  std::ifstream lines("/proc/cpuinfo");
  for (std::string line; std::getline(lines, line);) {
    const auto colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "processor";
}

}  // namespace tagalign::jobs
