// tagalign-worker: one MPI rank. Wires configuration, collectives and reporter to the
// job that was named.
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/exit_codes.h"
#include "base/format.h"
#include "base/log.h"
#include "base/version.h"
#include "configs/schema/reading/load.h"
#include "worker/benchmarks/scenes_job.h"
#include "worker/benchmarks/sheet_job.h"
#include "worker/captions/rank_jobs.h"
#include "worker/collectives/mpi_environment.h"
#include "worker/command/data_command.h"
#include "worker/command/weights_commands.h"
#include "worker/evaluate/evaluate_job.h"
#include "worker/rank/cores_posix.h"
#include "worker/rank/groups.h"
#include "worker/rank/job_place_posix.h"
#include "worker/rank/last_word.h"
#include "worker/rank/precision.h"
#include "worker/rank/probe.h"
#include "worker/rank/recorded_group.h"
#include "worker/rank/reporter_signals_posix.h"
#include "worker/rank/sudden_end_posix.h"
#include "worker/rank/watched_files.h"
#include "worker/train/pretrain_job.h"
#include "worker/train/train_job.h"

namespace {

using namespace tagalign;

struct JobArguments {
  std::string config;
  std::vector<std::string> overrides;
  std::vector<std::string> options;  ///< overrides that have a name of their own
};

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

/// A gang dies with its launcher: no rank outlives the mpirun that its agent supervises.
void die_with_launcher() {
  if (environment("TAGALIGN_AGENT_SOCKET").empty()) return;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/// The last word of a rank that failed: said to agent and log, and without waiting for ranks
/// that may be stuck.
[[noreturn]] void leave_at_once(jobs::Reporter& reporter, ExitCode code,
                                const std::string& reason) {
  if (code != ExitCode::kRequeue) log_error("{}", reason);
  reporter.farewell(to_int(code), reason);
  std::fflush(nullptr);
  const std::string leave_code = environment("TAGALIGN_LEAVE_CODE");
  const bool quietly = code == ExitCode::kRequeue && !leave_code.empty();
  ::_exit(quietly ? std::atoi(leave_code.c_str()) : to_int(code));
}

[[noreturn]] void leave_failed(jobs::Reporter& reporter, const Status& status) {
  leave_at_once(reporter, jobs::code_of(status), jobs::reason_of(status));
}

/// Ranks that cannot find each other come up as worlds of one, each a rank 0.
Status check_world(const collectives::MpiEnvironment& mpi) {
  const std::string expected = environment("TAGALIGN_RANKS");
  if (expected.empty() || expected == format("{}", mpi.world())) return ok_status();
  return unsupported(format(
      "start MPI: expected a world of {} ranks, found {}: the launcher and this program do not "
      "understand each other; use the mpirun of the Open MPI that tagalign-worker is linked with, "
      "or `srun --mpi=pmix` of a Slurm that was built with its PMIx (srun --mpi=list)",
      expected, mpi.world()));
}

/// Leaves where it is no good.
template <class Config>
Config load_config(const JobArguments& arguments, jobs::Reporter& reporter) {
  std::vector<std::string> overrides = arguments.overrides;
  overrides.insert(overrides.end(), arguments.options.begin(), arguments.options.end());
  auto config = config::load_job_config<Config>(posix_file_system(), arguments.config, overrides);
  if (!config.ok() && config.status().is_of_the_place()) leave_failed(reporter, config.status());
  if (!config.ok()) leave_at_once(reporter, ExitCode::kDoNotRequeue, config.status().message());
  return std::move(*config);
}

/// What a process takes at its first job and keeps for the next.
struct Seat {
  at::Device device;
  std::string where;
  jobs::Groups groups;
};

/// Leaves where there is none.
Seat take_seat(const config::RuntimeConfig& runtime, collectives::MpiEnvironment& mpi,
               jobs::Reporter& reporter) {
  jobs::configure_torch(runtime.threads_per_rank);
  const auto device = jobs::choose_device(runtime.device, mpi.local_rank());
  if (!device.ok()) leave_at_once(reporter, ExitCode::kDoNotRequeue, device.status().message());
  std::string where = jobs::describe_device(*device, runtime.threads_per_rank);
  if (device->is_cuda()) {
    // Before a library starts its threads.
    const auto cores = jobs::bind_near(environment("TAGALIGN_GPU_CORES"), device->index());
    where += cores ? format(", cores {}", *cores) : ", any core";
  }
  auto groups = jobs::make_groups(runtime, mpi, *device);
  if (!groups.ok()) leave_failed(reporter, groups.status());
  return {*device, where, std::move(*groups)};
}

template <class Config>
using Job = std::function<Result<jobs::JobEnd>(jobs::Rank&, const Config&)>;

/// Returns when the job ended well; leaves where it did not.
template <class Config>
void do_job(const Config& config, Seat& seat, jobs::Reporter& reporter, jobs::SelfKnowledge& self,
            const Job<Config>& job) {
  jobs::RecordedGroup group(seat.groups.main(), self.activity);
  jobs::WatchedFiles files(posix_file_system(), system_clock(), self.reads);
  const jobs::StuckWatch watch(self.reads, reporter, system_clock(), [&](const std::string& why) {
    leave_at_once(reporter, ExitCode::kRequeue, why);
  });
  jobs::Rank rank{.group = group,
                  .reporter = reporter,
                  .files = files,
                  .device = seat.device,
                  .activity = &self.activity};
  rank.enter(wire::Phase::kLoad);
  const auto end = job(rank, config);
  if (!end.ok()) leave_failed(reporter, end.status());
  if (*end == jobs::JobEnd::kSavedAndLeft)
    leave_at_once(reporter, ExitCode::kRequeue, "saved and left on request");
}

/// One job; then, where the agent lets its ranks stay, whatever it has for them.
template <class Config>
int run_jobs(JobArguments arguments, collectives::MpiEnvironment& mpi, const Job<Config>& job) {
  std::optional<Seat> seat;
  jobs::JobPlace place = jobs::place_from_environment();
  while (true) {
    jobs::SelfKnowledge self;
    auto reporter = jobs::make_reporter(place, mpi.rank(), self);
    if (!reporter.ok()) {
      log_error("{}", reporter.status().to_string());
      return to_int(ExitCode::kJobFailed);
    }
    jobs::report_sudden_end(**reporter, jobs::end_note(place, mpi.rank()));
    if (const Status world = check_world(mpi); !world.ok())
      leave_at_once(**reporter, ExitCode::kDoNotRequeue, world.message());
    const Config config = load_config<Config>(arguments, **reporter);
    if (!seat) seat.emplace(take_seat(config.runtime, mpi, **reporter));
    (*reporter)->hello(seat->where);
    log_info("rank {} of {} on {}", mpi.rank(), mpi.world(), seat->where);
    do_job(config, *seat, **reporter, self, job);
    jobs::forget_sudden_end();
    const auto next = jobs::say_done(place, **reporter);
    if (!next) return 0;
    place = jobs::next_place(place, *next);
    arguments = {next->config, next->overrides, {}};
    jobs::redirect_output(place, mpi.rank());
  }
}

/// Returns what is filled in when this job is chosen.
template <class Config>
std::shared_ptr<JobArguments> add_job(CLI::App& app, const std::string& name,
                                      const std::string& help, std::function<int()>& chosen,
                                      Job<Config> job) {
  auto arguments = std::make_shared<JobArguments>();
  auto* command = app.add_subcommand(name, help);
  command->add_option("--config", arguments->config, "YAML file of this kind of job")->required();
  command
      ->add_option("--set", arguments->overrides,
                   "key.path=value, on top of the file; may be repeated")
      ->take_all()
      ->expected(1)
      ->allow_extra_args(false);
  command->callback([&chosen, arguments, job] {
    chosen = [arguments, job] {
      jobs::catch_stop_signals();  // one that comes while MPI starts must not end the rank
      auto mpi = collectives::MpiEnvironment::start();
      if (!mpi.ok()) {
        log_error("{}", mpi.status().to_string());
        return to_int(ExitCode::kJobFailed);
      }
      jobs::redirect_output(jobs::place_from_environment(), (*mpi)->rank());
      (void)init_log({.component = format("rank {}", (*mpi)->rank())});
      return run_jobs<Config>(*arguments, **mpi, job);
    };
  });
  return arguments;
}

/// evaluate --thresholds 0.1,0.2 --clip-w 0,0.3: names for two lists of its configuration.
void add_sweep(CLI::App& app, const std::shared_ptr<JobArguments>& arguments) {
  auto* command = app.get_subcommand("evaluate");
  const auto add = [&](const std::string& option, const std::string& key, const std::string& help) {
    command->add_option_function<std::string>(
        option,
        [arguments, key](const std::string& list) {
          arguments->options.push_back(format("sweep.{}=[{}]", key, list));
        },
        help);
  };
  add("--thresholds", "thresholds",
      "background thresholds, separated by commas: a result for each, from one pass");
  add("--clip-w", "clip_weights",
      "shares of the frozen map, separated by commas: a result for each, from one pass");
}

void add_sheet(CLI::App& app, std::function<int()>& chosen) {
  auto options = std::make_shared<jobs::SheetOptions>();
  auto* command =
      app.add_subcommand("sheet", "Draw image, truth and predictions side by side into one PNG");
  command->add_option("--dataset", options->dataset, "folder with images/, labels/, classes.txt")
      ->required();
  command
      ->add_option("--predictions", options->predictions, "folder of label maps; may be repeated")
      ->required();
  command->add_option("--rows", options->rows, "images")->check(CLI::Range(1, 1000));
  command->add_option("--output", options->output, "PNG file to write")->required();
  command->callback([&chosen, options] {
    chosen = [options] {
      const auto status = jobs::write_sheet(posix_file_system(), *options);
      if (!status.ok()) log_error("sheet: {}", status.message());
      return to_int(status.ok() ? ExitCode::kOk : ExitCode::kJobFailed);
    };
  });
}

void add_probe(CLI::App& app, std::function<int()>& chosen) {
  auto* command = app.add_subcommand(
      "probe", "Print one JSON line about this rank: world size, LibTorch, GPUs, NCCL");
  command->callback([&chosen] {
    chosen = [] {
      auto mpi = collectives::MpiEnvironment::start();
      if (!mpi.ok()) {
        log_error("{}", mpi.status().to_string());
        return to_int(ExitCode::kJobFailed);
      }
      std::puts(jobs::probe_json((*mpi)->rank(), (*mpi)->world()).c_str());
      return 0;
    };
  });
}

}  // namespace

int main(int argc, char** argv) {
  die_with_launcher();
  CLI::App app{
      "TagAlign worker: one MPI rank of a job.\n\n"
      "  tagalign-worker train --config configs/tagalign.yml --set steps=100\n"
      "  mpirun -n 4 --bind-to none tagalign-worker train --config F"};
  app.set_version_flag("--version", kVersion);
  app.require_subcommand(1);
  std::function<int()> chosen;
  jobs::PredictorShelf shelf;
  const auto evaluate = [&shelf](jobs::Rank& rank, const config::EvaluateConfig& config) {
    return jobs::run_evaluate(rank, config, shelf);
  };
  add_job<config::TrainConfig>(app, "train", "Train a method on image-caption pairs", chosen,
                               jobs::run_train);
  add_job<config::PretrainConfig>(app, "pretrain", "Train a CLIP contrastively from nothing",
                                  chosen, jobs::run_pretrain);
  add_sweep(app,
            add_job<config::EvaluateConfig>(
                app, "evaluate", "Count label maps on segmentation data sets", chosen, evaluate));
  add_job<config::ScenesConfig>(app, "scenes", "Draw the embedded data set", chosen,
                                jobs::run_scenes);
  add_job<config::DataReportConfig>(app, "data-report", "Count what a download left behind", chosen,
                                    jobs::run_report_job);
  add_job<config::DataPackConfig>(app, "data-pack",
                                  "Rewrite training data into shards of small JPEGs", chosen,
                                  jobs::run_pack_job);
  add_job<config::DataTagsConfig>(
      app, "data-tags", "Make tag lists and labels from captions", chosen,
      [](jobs::Rank& rank, const config::DataTagsConfig& config) {
        return jobs::run_tags_job(rank, config, jobs::find_config_folders());
      });
  add_sheet(app, chosen);
  jobs::add_data(app, chosen);
  add_probe(app, chosen);
  jobs::add_weights_commands(app, chosen);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? 0 : to_int(ExitCode::kUsage);
  }
  return chosen();
}
