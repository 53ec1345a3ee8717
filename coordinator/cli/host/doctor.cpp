#include "coordinator/cli/host/doctor.h"

#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "base/format.h"

namespace tagalign::cli {
namespace {

struct Probe {
  std::set<int> ranks;
  std::set<int> worlds;
  std::string torch;
  std::string nccl;
  bool cuda_build = false;
  int gpus = 0;
};

Probe read_probe(const std::string& output) {
  Probe probe;
  std::istringstream lines(output);
  for (std::string line; std::getline(lines, line);) {
    const auto json = nlohmann::json::parse(line, nullptr, false);
    if (!json.is_object() || !json.contains("rank") || !json["rank"].is_number_integer()) continue;
    probe.ranks.insert(json["rank"].get<int>());
    if (json.contains("world") && json["world"].is_number_integer())
      probe.worlds.insert(json["world"].get<int>());
    if (json.contains("torch") && json["torch"].is_string())
      probe.torch = json["torch"].get<std::string>();
    if (json.contains("nccl") && json["nccl"].is_string())
      probe.nccl = json["nccl"].get<std::string>();
    if (json.contains("gpus") && json["gpus"].is_number_integer())
      probe.gpus = json["gpus"].get<int>();
    if (json.contains("cuda_build") && json["cuda_build"].is_boolean()) {
      probe.cuda_build = json["cuda_build"].get<bool>();
    }
  }
  return probe;
}

Check judge_world(const Probe& probe, int ranks) {
  Check check{"mpi", Health::kOk, format("{} ranks see each other", ranks), ""};
  if (probe.ranks.empty()) {
    check = {"mpi", Health::kError, "tagalign-worker did not answer under mpirun",
             "run `mpirun -n 2 tagalign-worker probe` and read its message"};
  } else if (probe.worlds != std::set<int>{ranks} ||
             static_cast<int>(probe.ranks.size()) != ranks) {
    check = {"mpi", Health::kError,
             format("started {} ranks, but they see a world of {}", ranks,
                    probe.worlds.empty() ? 0 : *probe.worlds.begin()),
             "mpirun and the library that tagalign-worker was built with differ: use the mpirun of "
             "Open MPI 4.1 (`mpirun --version`)"};
  }
  return check;
}

Check judge_gpu(const Probe& probe) {
  if (!probe.cuda_build) return {"gpu", Health::kOk, "this build uses the CPU only", ""};
  if (probe.gpus == 0) {
    return {"gpu", Health::kWarning, "built with CUDA, but no GPU was found; jobs use the CPU",
            "look at `nvidia-smi`; the driver must be there"};
  }
  return {"gpu", Health::kOk, format("{} GPU(s), NCCL {}", probe.gpus, probe.nccl), ""};
}

}  // namespace

std::string health_name(Health health) {
  switch (health) {
    case Health::kOk:
      return "ok";
    case Health::kWarning:
      return "warning";
    case Health::kError:
      return "error";
  }
  return "error";
}

std::vector<Check> judge_probe(const std::string& output, int ranks) {
  const Probe probe = read_probe(output);
  std::vector<Check> checks = {judge_world(probe, ranks)};
  if (probe.ranks.empty()) return checks;
  if (probe.torch.empty()) {
    checks.push_back({"libtorch", Health::kError, "tagalign-worker names no LibTorch version",
                      "build again with ./dev build"});
  } else {
    checks.push_back({"libtorch", Health::kOk, probe.torch, ""});
  }
  checks.push_back(judge_gpu(probe));
  return checks;
}

}  // namespace tagalign::cli
