#include "slurm/commands.h"

#include <optional>

#include "base/format.h"
#include "slurm/duration.h"
#include "slurm/node_list.h"
#include "slurm/text.h"

namespace tagalign::slurm {
namespace {

/// Lines that have an end; what is behind the last one may lack its rest.
std::vector<std::string_view> whole_lines_of(std::string_view text) {
  std::vector<std::string_view> lines = split(text, '\n');
  lines.pop_back();
  for (std::string_view& line : lines) line = trimmed(line);
  return lines;
}

Status bad_line(std::string_view program, std::string_view expected, std::string_view line) {
  return invalid_argument(format("reading what {} printed: expected {}, found '{}'", program,
                                 expected, quotable(line)));
}

/// Sites let sacct leave out, or not know, all but the job and its state.
std::optional<AccountingRow> parse_row(std::string_view line) {
  const auto fields = split(line, '|');
  if (fields.size() < 4) return std::nullopt;
  const auto job = parse_job(trimmed(fields[0]));
  const std::string_view state = trimmed(fields[1]);
  if (!job || state.empty()) return std::nullopt;
  const auto codes = split(trimmed(fields[2]), ':');
  const auto elapsed_s = parse_duration(trimmed(fields[3]));
  return AccountingRow{
      .job = *job,
      .state = std::string(state),
      .exit_code = parse_number<int>(codes.front()).value_or(0),
      .signal = codes.size() == 2 ? parse_number<int>(codes.back()).value_or(0) : 0,
      .elapsed_s = elapsed_s.ok() ? elapsed_s->value_or(0) : 0};
}

/// "125.batch|…": of a job that has a row of its own.
bool is_step(std::string_view line) {
  const std::string_view job = line.substr(0, line.find('|'));
  const auto point = job.find('.');
  return point != std::string_view::npos && parse_job(job.substr(0, point)).has_value();
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
  // Without --parsable, which wrappers of sbatch may drop.
  constexpr std::string_view kWords = "Submitted batch job ";
  std::optional<std::uint64_t> found;
  for (std::string_view line : whole_lines_of(output)) {
    if (line.starts_with(kWords))
      line = line.substr(kWords.size(), line.find(' ', kWords.size()) - kWords.size());
    const auto job = parse_job(trimmed(split(line, ';').front()));
    if (job) found = job;
  }
  if (found) return *found;
  return bad_line("sbatch --parsable", "a job number, or NUMBER;CLUSTER, and the end of the line",
                  output);
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
  bool foreign = !output.empty() && output.back() != '\n';
  for (const std::string_view line : whole_lines_of(output)) {
    if (const auto row = parse_row(line))
      rows.push_back(*row);
    else
      foreign = foreign || !(line.empty() || is_step(line));
  }
  if (rows.empty() && foreign) return bad_line("sacct", "JOB|STATE|CODE:SIGNAL|ELAPSED", output);
  return rows;
}

std::vector<std::string> end_time_command(std::uint64_t job) {
  return {"env", "SLURM_TIME_FORMAT=%s", "squeue", "-h", "-j", format("{}", job), "-o", "%e"};
}

std::int64_t parse_end_time(std::string_view output) {
  std::int64_t found = 0;
  for (const std::string_view line : split(output, '\n')) {
    const auto seconds = parse_number<std::int64_t>(trimmed(line));
    if (seconds && *seconds > 0) found = *seconds;
  }
  return found;
}

Result<std::optional<Allocation>> read_allocation(
    const std::map<std::string, std::string>& environment) {
  if (!environment.contains("SLURM_JOB_ID")) return std::optional<Allocation>();
  const auto number = [&](const std::string& name, int otherwise) -> Result<int> {
    const auto found = environment.find(name);
    if (found == environment.end()) return otherwise;
    if (const auto value = parse_number<int>(found->second); value && *value >= 0) return *value;
    return invalid_argument(format("reading the allocation: {}: expected a number, found '{}'",
                                   name, quotable(found->second)));
  };
  Allocation allocation;
  const auto job = parse_number<std::uint64_t>(environment.at("SLURM_JOB_ID"));
  if (!job) {
    return invalid_argument(
        format("reading the allocation: SLURM_JOB_ID: expected a number, found '{}'",
               quotable(environment.at("SLURM_JOB_ID"))));
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
