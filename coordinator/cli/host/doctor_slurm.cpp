#include "coordinator/cli/host/doctor_slurm.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <sstream>

#include "base/counted.h"
#include "base/format.h"

namespace tagalign::cli {
namespace {

constexpr double kSkewWarnS = 1.0;

struct Partition {
  std::string name;
  bool is_default = false;
  std::string availability;
  std::string limit;
  int nodes = 0;
  int usable = 0;
};

std::vector<std::string> fields_of(const std::string& line) {
  std::vector<std::string> fields;
  std::istringstream stream(line);
  for (std::string field; std::getline(stream, field, '|');) fields.push_back(field);
  return fields;
}

bool usable(const std::string& state) {
  for (const char* good : {"idle", "mix", "alloc", "comp"}) {
    if (state.starts_with(good)) return state.find('*') == std::string::npos;
  }
  return false;
}

/// A partition has a line for each state of its nodes.
std::map<std::string, Partition> partitions_of(std::string_view sinfo) {
  std::map<std::string, Partition> partitions;
  std::istringstream lines{std::string(sinfo)};
  for (std::string line; std::getline(lines, line);) {
    const auto fields = fields_of(line);
    if (fields.size() != 5) continue;
    const bool is_default = fields[0].ends_with('*');
    const std::string name = is_default ? fields[0].substr(0, fields[0].size() - 1) : fields[0];
    Partition& partition = partitions[name];
    partition.name = name;
    partition.is_default = is_default;
    partition.availability = fields[1];
    partition.limit = fields[2];
    const int nodes = std::atoi(fields[3].c_str());
    partition.nodes += nodes;
    if (usable(fields[4])) partition.usable += nodes;
  }
  return partitions;
}

std::string names_of(const std::map<std::string, Partition>& partitions) {
  std::string names;
  for (const auto& [name, partition] : partitions) names += (names.empty() ? "" : ", ") + name;
  return names;
}

std::map<std::string, std::string> answers_of(std::string_view output) {
  std::map<std::string, std::string> answers;
  std::istringstream lines{std::string(output)};
  for (std::string line; std::getline(lines, line);) {
    const std::size_t equals = line.find('=');
    if (equals != std::string::npos) answers[line.substr(0, equals)] = line.substr(equals + 1);
  }
  return answers;
}

Check judge_shared(const std::string& found, const NodeQuestion& question) {
  if (found == question.token) return {"shared folder", Health::kOk, "seen from both sides", ""};
  return {"shared folder", Health::kError,
          "a compute node does not see what was just written into the state folder",
          "choose a --state on a file system that all nodes share; on NFS wait for its cache"};
}

Check judge_clock(const std::string& there, const NodeQuestion& question) {
  const double clock_s = std::atof(there.c_str());
  if (clock_s == 0) {
    return {"clock", Health::kWarning, "the compute node did not tell its time", ""};
  }
  const double early = question.before_s - clock_s;
  const double late = clock_s - question.after_s;
  const double skew_s = std::max({0.0, early, late});
  if (skew_s <= kSkewWarnS) return {"clock", Health::kOk, "agrees with the compute node's", ""};
  return {"clock", Health::kWarning,
          format("the compute node's is {:.1f} s {}", skew_s, late > 0 ? "ahead" : "behind"),
          "have both set by the network (chrony, systemd-timesyncd): times of logs and ends of "
          "allocations are compared"};
}

Check judge_reach(const std::string& answer, const NodeQuestion& question) {
  if (question.endpoint.empty()) {
    return {"coordinator", Health::kWarning, "none runs: whether nodes reach it is not known",
            "tagalign coordinator start --listen 'tcp://ADDRESS:*', then ask again"};
  }
  if (answer == "yes") {
    return {"coordinator", Health::kOk, format("{} is reached from the node", question.endpoint),
            ""};
  }
  return {"coordinator", Health::kError,
          format("a compute node does not reach {}", question.endpoint),
          "start it again with --listen 'tcp://ADDRESS:*', ADDRESS being one that the nodes reach, "
          "and let its port through the firewall"};
}

}  // namespace

Check judge_partition(std::string_view sinfo, const std::string& wanted) {
  const auto partitions = partitions_of(sinfo);
  if (partitions.empty()) {
    return {"partition", Health::kError, "sinfo shows none",
            "is slurmctld up, and slurm.conf the right one? run `sinfo`"};
  }
  const auto found = std::ranges::find_if(partitions, [&](const auto& entry) {
    return wanted.empty() ? entry.second.is_default : entry.first == wanted;
  });
  if (found == partitions.end()) {
    return {"partition", Health::kError,
            wanted.empty() ? "there is no default one" : format("there is no '{}'", wanted),
            format("choose one of: {}", names_of(partitions))};
  }
  const Partition& partition = found->second;
  const std::string text =
      format("{}: {} of {} usable, time limit {}", partition.name, partition.usable,
             counted(partition.nodes, "node"), partition.limit);
  if (partition.availability != "up") {
    return {"partition", Health::kError, format("{} is {}", partition.name, partition.availability),
            "ask who runs the cluster, or choose another: --partition NAME"};
  }
  if (partition.usable == 0) {
    return {"partition", Health::kError, text, "`sinfo -R` says why its nodes are down"};
  }
  return {"partition", Health::kOk, text, ""};
}

Check judge_mpi_types(std::string_view list) {
  if (list.find("pmix") != std::string_view::npos) {
    return {"srun --mpi", Health::kOk, "has pmix: gangs may be started by srun", ""};
  }
  return {"srun --mpi", Health::kWarning, "has no pmix: ranks of srun would be worlds of one",
          "leave gangs to mpirun (--launcher mpirun, the default), or have Slurm built with PMIx"};
}

std::string node_script(const Path& file, const std::string& endpoint) {
  const std::size_t slashes = endpoint.find("//");
  const std::size_t colon = endpoint.rfind(':');
  std::string script =
      format("echo clock=$(date +%s.%N); echo token=$(cat '{}' 2>/dev/null); ", file.string());
  if (slashes == std::string::npos || colon <= slashes) return script;
  const std::string host = endpoint.substr(slashes + 2, colon - slashes - 2);
  return script + format(
                      "if timeout 5 bash -c '</dev/tcp/{}/{}' 2>/dev/null; then echo reach=yes; "
                      "else echo reach=no; fi",
                      host, endpoint.substr(colon + 1));
}

std::vector<Check> judge_node(std::string_view output, const NodeQuestion& question) {
  auto answers = answers_of(output);
  if (!answers.contains("clock")) {
    return {{"compute node", Health::kError, format("a step did not run: {}", output),
             "run `srun --ntasks=1 hostname` and read its message"}};
  }
  return {judge_shared(answers["token"], question), judge_clock(answers["clock"], question),
          judge_reach(answers["reach"], question)};
}

}  // namespace tagalign::cli
