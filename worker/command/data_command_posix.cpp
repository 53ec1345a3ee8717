#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <iostream>
#include <memory>

#include "base/exit_codes.h"
#include "base/process.h"
#include "base/utf8.h"
#include "worker/benchmarks/data_job.h"
#include "worker/captions/pack_job.h"
#include "worker/captions/report_job.h"
#include "worker/captions/tags_job.h"
#include "worker/command/data_command.h"

namespace tagalign::jobs {
namespace {

using Run = Result<bool> (*)(DataWorld&, const DataArguments&);

int exit_code(const Result<bool>& result) {
  if (result.ok()) return to_int(*result ? ExitCode::kOk : ExitCode::kJobFailed);
  std::cerr << "tagalign data: " << printable_lines(result.status().message()) << "\n";
  switch (result.status().code()) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kNotFound:
    case ErrorCode::kUnsupported:
      return to_int(ExitCode::kUsage);
    default:
      return to_int(ExitCode::kJobFailed);
  }
}

/// Absolute, without "..", and without a slash at the end.
Path tidy(const Path& path) {
  const Path whole = std::filesystem::absolute(path).lexically_normal();
  return whole.has_filename() ? whole : whole.parent_path();
}

int run(Run job, DataArguments arguments) {
  for (Path* path : {&arguments.source, &arguments.output, &arguments.root}) {
    if (!path->empty()) *path = tidy(*path);
  }
  arguments.config_folders = find_config_folders();
  DataWorld world{posix_file_system(), system_clock(), std::cout, std::cerr,
                  ::isatty(STDERR_FILENO) == 1};
  const int code = exit_code(job(world, arguments));
  std::cout.flush();
  return code;
}

/// Runs one of the jobs on training data.
template <class Arguments>
int run(Result<bool> (*job)(DataWorld&, const Arguments&), const Arguments& arguments) {
  DataWorld world{posix_file_system(), system_clock(), std::cout, std::cerr,
                  ::isatty(STDERR_FILENO) == 1};
  const int code = exit_code(job(world, arguments));
  std::cout.flush();
  return code;
}

void add_report(CLI::App* data, std::function<int()>& chosen) {
  auto arguments = std::make_shared<ReportArguments>();
  auto* report = data->add_subcommand("report", "Count what a download left behind");
  report->add_option("source", arguments->sources, "images in any form, and files of captions")
      ->required();
  report->add_option("--cache", arguments->cache, "folder for indexes of shards");
  report->add_option("--decode", arguments->decode, "images to decode; 0: none");
  report->add_option("--threads", arguments->threads, "0: one a core, at most eight")
      ->check(CLI::Range(0, 256));
  report->add_option("--page", arguments->page, "HTML page with 64 of the images");
  report->add_option("--tags", arguments->tags, "for the page: JSON, name to list of tags");
  report->add_option("--tag-names", arguments->tag_names, "for the page: one name a line");
  report->add_flag("--json", arguments->json, "the report as JSON");
  report->callback(
      [&chosen, arguments] { chosen = [arguments] { return run(run_data_report, *arguments); }; });
}

void add_pack(CLI::App* data, std::function<int()>& chosen) {
  auto arguments = std::make_shared<PackArguments>();
  data::PackOptions& options = arguments->options;
  auto* pack = data->add_subcommand("pack", "Rewrite training data into shards of small JPEGs");
  pack->add_option("source", options.sources, "images in any form, and a file of captions")
      ->required();
  pack->add_option("--output", options.output, "folder of the shards")->required();
  pack->add_option("--short-side", options.size.short_side, "0: files stay as they are");
  pack->add_option("--quality", options.size.quality, "of the JPEGs");
  pack->add_option_function<std::uint64_t>(
      "--shard-mib", [&options](std::uint64_t mib) { options.shard_bytes = mib << 20; },
      "about, of one shard");
  pack->add_option("--cache", options.cache, "folder for indexes of shards");
  pack->add_option("--threads", options.threads, "0: one a core, at most eight")
      ->check(CLI::Range(0, 256));
  pack->add_flag("--json", arguments->json, "the report as JSON");
  pack->callback(
      [&chosen, arguments] { chosen = [arguments] { return run(run_data_pack, *arguments); }; });
}

void add_common(CLI::App* command, DataArguments& arguments) {
  command->add_option("name", arguments.benchmark, "voc, context, coco_stuff, …")->required();
  command->add_option("--config", arguments.config,
                      "description of the data set (default: configs/benchmarks/NAME.yml)");
  command->add_option("--threads", arguments.threads, "0: one a core, at most eight")
      ->check(CLI::Range(0, 256));
  command->add_flag("--json", arguments.json, "the report as JSON");
}

void add_tags(CLI::App* data, std::function<int()>& chosen) {
  auto arguments = std::make_shared<TagsArguments>();
  data::TagOptions& options = arguments->options;
  auto* tags = data->add_subcommand("tags", "Make tag lists and labels from captions");
  tags->add_option("captions", options.captions, "CSV, CC12M's TSV or JSON lines");
  tags->add_option("--output", options.output, "folder to write to")->required();
  tags->add_option("--objects", options.objects.tags_max, "objects in the list");
  tags->add_option("--attributes", options.attributes.tags_max, "attributes in the list");
  tags->add_option_function<std::uint64_t>(
      "--min-count",
      [&options](std::uint64_t count) {
        options.objects.captions_min = options.attributes.captions_min = count;
      },
      "captions that a tag of the lists is in");
  tags->add_option("--drop-most-frequent", options.objects.drop_most_frequent,
                   "leave out so many of the most frequent objects");
  tags->add_option("--per-caption", options.per_caption,
                   "JSON lines with the tags of each caption");
  tags->add_option("--import", options.import, "JSON lines with ready tags instead of the parser");
  tags->add_flag("--raw", options.raw, "imported tags stay as they are");
  tags->add_option("--wordnet", options.wordnet, "folder of WordNet 3.0's dict files");
  tags->add_option("--lists", options.lists, "folder of the lists of words");
  tags->add_option("--threads", options.threads, "0: one a core, at most eight")
      ->check(CLI::Range(0, 256));
  tags->add_flag("--json", arguments->json, "the report as JSON");
  arguments->config_folders = find_config_folders();
  tags->callback(
      [&chosen, arguments] { chosen = [arguments] { return run(run_data_tags, *arguments); }; });
}

void on_choice(CLI::App* command, std::function<int()>& chosen,
               const std::shared_ptr<DataArguments>& arguments, Run job) {
  command->callback(
      [&chosen, arguments, job] { chosen = [arguments, job] { return run(job, *arguments); }; });
}

}  // namespace

std::vector<Path> find_config_folders() {
  std::vector<Path> folders;
  if (const char* named = std::getenv("TAGALIGN_CONFIGS"); named != nullptr)
    folders.emplace_back(named);
  folders.emplace_back("configs");
  Path folder = self_executable().parent_path();
  for (; folder != folder.root_path(); folder = folder.parent_path())
    folders.push_back(folder / "configs");
  return folders;
}

void add_data(CLI::App& app, std::function<int()>& chosen) {
  auto* data = app.add_subcommand("data", "Benchmark data sets, training data and its tags");
  data->require_subcommand(1);
  auto arguments = std::make_shared<DataArguments>();
  auto* prepare = data->add_subcommand(
      "prepare", "Make a benchmark's folder from its unpacked archives, then check it");
  add_common(prepare, *arguments);
  prepare->add_option("--source", arguments->source, "folder of the unpacked archives")->required();
  prepare->add_option("--output", arguments->output, "folder of all benchmarks")->required();
  prepare->add_flag("--training", arguments->with_training, "the training images too");
  on_choice(prepare, chosen, arguments, run_data_prepare);
  auto* check = data->add_subcommand("check", "Check a benchmark's folder");
  add_common(check, *arguments);
  check->add_option("--root", arguments->root, "its folder, or the folder of all benchmarks")
      ->required();
  on_choice(check, chosen, arguments, run_data_check);
  add_report(data, chosen);
  add_pack(data, chosen);
  add_tags(data, chosen);
}

}  // namespace tagalign::jobs
