#include "slurm/commands.h"

#include "base/format.h"
#include "slurm/duration.h"
#include "slurm/node_list.h"
#include "slurm/text.h"

namespace tagalign::slurm {
namespace {

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines = split(text, '\n');
  std::erase_if(lines, [](std::string_view line) { return line.empty(); });
  return lines;
}

Status bad_line(std::string_view program, std::string_view expected, std::string_view line) {
  return invalid_argument(
      format("reading what {} printed: expected {}, found '{}'", program, expected, line));
}

Status check(const BatchRequest& request) {
  if (request.script.empty())
    return invalid_argument("building an sbatch command: script is empty");
  if (request.nodes < 1) {
    return invalid_argument(
        format("building an sbatch command: nodes: expected at least 1, found {}", request.nodes));
  }
  if (request.signal_before_end_s < 1 || request.time_limit_s <= request.signal_before_end_s) {
    return invalid_argument(
        format("building an sbatch command: time_limit_s: expected more than signal_before_end_s = "
               "{}, found {}",
               request.signal_before_end_s, request.time_limit_s));
  }
  return ok_status();
}

}  // namespace

Result<std::vector<std::string>> sbatch_command(const BatchRequest& request) {
  TA_RETURN_IF_ERROR(check(request));
  std::vector<std::string> command = {"sbatch",
                                      "--parsable",
                                      "--job-name=" + request.job_name,
                                      format("--nodes={}", request.nodes),
                                      "--ntasks-per-node=1",
                                      "--time=" + format_duration(request.time_limit_s),
                                      format("--signal=B:USR1@{}", request.signal_before_end_s),
                                      request.requeue ? "--requeue" : "--no-requeue",
                                      "--open-mode=append"};
  if (!request.partition.empty()) command.push_back("--partition=" + request.partition);
  if (!request.account.empty()) command.push_back("--account=" + request.account);
  if (request.cpus_per_task > 0)
    command.push_back(format("--cpus-per-task={}", request.cpus_per_task));
  if (request.gpus_per_node > 0)
    command.push_back(format("--gpus-per-node={}", request.gpus_per_node));
  if (!request.output.empty()) command.push_back("--output=" + request.output);
  if (!request.comment.empty()) command.push_back("--comment=" + request.comment);
  command.insert(command.end(), request.sbatch_args.begin(), request.sbatch_args.end());
  command.push_back(request.script);
  command.insert(command.end(), request.arguments.begin(), request.arguments.end());
  return command;
}

Result<std::uint64_t> parse_sbatch(std::string_view output) {
  const std::string_view line = split(output, '\n').front();
  if (line.size() == output.size()) {
    return bad_line("sbatch --parsable", "a job number and the end of the line", line);
  }
  if (const auto job = parse_number<std::uint64_t>(split(line, ';').front())) return *job;
  return bad_line("sbatch --parsable", "a job number", line);
}

std::vector<std::string> scancel_command(const std::vector<std::string>& jobs) {
  std::vector<std::string> command = {"scancel"};
  command.insert(command.end(), jobs.begin(), jobs.end());
  return command;
}

std::vector<std::string> sacct_command(const std::vector<std::uint64_t>& jobs) {
  return {"sacct", "-n",
          "-P",    "-X",
          "-j",    format("{}", fmt::join(jobs, ",")),
          "-o",    "JobIDRaw,State,ExitCode,Elapsed"};
}

Result<std::vector<AccountingRow>> parse_sacct(std::string_view output) {
  std::vector<AccountingRow> rows;
  for (const std::string_view line : lines_of(output)) {
    const auto fields = split(line, '|');
    if (fields.size() != 4) return bad_line("sacct", "JOB|STATE|CODE:SIGNAL|ELAPSED", line);
    const auto codes = split(fields[2], ':');
    const auto job = parse_number<std::uint64_t>(fields[0]);
    const auto code = parse_number<int>(codes.front());
    const auto signal = codes.size() == 2 ? parse_number<int>(codes.back()) : std::nullopt;
    if (!job || !code || !signal) return bad_line("sacct", "JOB|STATE|CODE:SIGNAL|ELAPSED", line);
    TA_ASSIGN_OR_RETURN(const auto elapsed_s, parse_duration(fields[3]));
    rows.push_back({*job, std::string(fields[1]), *code, *signal, elapsed_s.value_or(0)});
  }
  return rows;
}

std::vector<std::string> end_time_command(std::uint64_t job) {
  return {"env", "SLURM_TIME_FORMAT=%s", "squeue", "-h", "-j", format("{}", job), "-o", "%e"};
}

std::int64_t parse_end_time(std::string_view output) {
  const auto seconds = parse_number<std::int64_t>(output.substr(0, output.find('\n')));
  return seconds && *seconds > 0 ? *seconds : 0;
}

Result<std::optional<Allocation>> read_allocation(
    const std::map<std::string, std::string>& environment) {
  if (!environment.contains("SLURM_JOB_ID")) return std::optional<Allocation>();
  const auto number = [&](const std::string& name, int otherwise) -> Result<int> {
    const auto found = environment.find(name);
    if (found == environment.end()) return otherwise;
    if (const auto value = parse_number<int>(found->second); value && *value >= 0) return *value;
    return invalid_argument(
        format("reading the allocation: {}: expected a number, found '{}'", name, found->second));
  };
  Allocation allocation;
  const auto job = parse_number<std::uint64_t>(environment.at("SLURM_JOB_ID"));
  if (!job) {
    return invalid_argument(
        format("reading the allocation: SLURM_JOB_ID: expected a number, found '{}'",
               environment.at("SLURM_JOB_ID")));
  }
  allocation.job = *job;
  if (const auto nodes = environment.find("SLURM_JOB_NODELIST"); nodes != environment.end()) {
    TA_ASSIGN_OR_RETURN(allocation.nodes, expand_node_list(nodes->second));
  }
  TA_ASSIGN_OR_RETURN(allocation.cpus_on_node, number("SLURM_CPUS_ON_NODE", 1));
  TA_ASSIGN_OR_RETURN(allocation.gpus_on_node, number("SLURM_GPUS_ON_NODE", 0));
  TA_ASSIGN_OR_RETURN(allocation.restarts, number("SLURM_RESTART_COUNT", 0));
  if (const auto node = environment.find("SLURMD_NODENAME"); node != environment.end())
    allocation.node = node->second;
  if (const auto ends = environment.find("SLURM_JOB_END_TIME"); ends != environment.end())
    allocation.ends_s = parse_number<std::int64_t>(ends->second).value_or(0);
  return std::optional(std::move(allocation));
}

}  // namespace tagalign::slurm
