#include <algorithm>
#include <utility>

#include "base/format.h"
#include "coordinator/cli/commands/commands.h"

namespace tagalign::cli {
namespace {

struct Options {
  std::string name;
  std::string source;
  std::string output;
  std::string root;
  std::string config;
  bool with_training = false;
  int threads = 0;
};

void add_value(std::vector<std::string>& arguments, const char* option, const std::string& value) {
  if (!value.empty()) arguments.insert(arguments.end(), {option, value});
}

/// The worker holds the readers; this program only passes the word on.
Result<int> run_worker(Context& context, const char* verb, const Options& options) {
  std::vector<std::string> arguments{"data", verb, options.name};
  add_value(arguments, "--source", options.source);
  add_value(arguments, "--output", options.output);
  add_value(arguments, "--root", options.root);
  add_value(arguments, "--config", options.config);
  if (options.threads > 0) add_value(arguments, "--threads", format("{}", options.threads));
  if (options.with_training) arguments.emplace_back("--training");
  if (context.format == OutputFormat::kJson) arguments.emplace_back("--json");
  context.host.out.flush();
  return context.host.run_worker(arguments);
}

Result<int> run_prepare(Context& context, const Options& options) {
  return run_worker(context, "prepare", options);
}

Result<int> run_check(Context& context, const Options& options) {
  return run_worker(context, "check", options);
}

void add_common(CLI::App* command, Options& options) {
  command
      ->add_option("name", options.name,
                   "voc, voc20, context, context59, coco_object, coco_stuff, cityscapes, ade20k, "
                   "imagenets50, imagenets300, imagenets919 or folder")
      ->required()
      ->option_text("NAME");
  command
      ->add_option("--config", options.config,
                   "description of the data set (default: configs/benchmarks/NAME.yml)")
      ->option_text("FILE");
  command->add_option("--threads", options.threads, "0: one a core, at most eight")
      ->check(CLI::Range(0, 256))
      ->option_text("N");
}

void add_prepare(Program& program, CLI::App* data) {
  auto options = std::make_shared<Options>();
  CLI::App* command = data->add_subcommand(
      "prepare",
      "Make a benchmark's folder from its unpacked archives and check it; started again after an "
      "interruption it goes on");
  add_common(command, *options);
  command->add_option("--source", options->source, "folder of the unpacked archives")
      ->required()
      ->option_text("DIR");
  command
      ->add_option("--output", options->output,
                   "folder of all benchmarks; voc becomes DIR/VOCdevkit/VOC2012 and so on")
      ->required()
      ->option_text("DIR");
  command->add_flag("--training", options->with_training, "the training images with labels too");
  command->footer(
      "Example:\n  tagalign data prepare voc --source ~/downloads --output /data/benchmarks\n"
      "For JSON: tagalign --output json data prepare …");
  program.on(command, options, run_prepare);
}

void add_check(Program& program, CLI::App* data) {
  auto options = std::make_shared<Options>();
  CLI::App* command = data->add_subcommand(
      "check",
      "Count images, read every file, look for ids outside the range; exit code 1 on a finding");
  add_common(command, *options);
  command
      ->add_option("--root", options->root,
                   "the benchmark's folder, or the folder of all benchmarks")
      ->required()
      ->option_text("DIR");
  command->footer("Example:\n  tagalign data check voc --root /data/benchmarks");
  program.on(command, options, run_check);
}

struct TagsOptions {
  std::vector<std::string> captions;
  /// Option and value, in the order of the command line's help; empty values are left out.
  std::vector<std::pair<const char*, std::string>> values = {{"--output", ""},
                                                             {"--objects", ""},
                                                             {"--attributes", ""},
                                                             {"--min-count", ""},
                                                             {"--drop-most-frequent", ""},
                                                             {"--per-caption", ""},
                                                             {"--import", ""},
                                                             {"--wordnet", ""},
                                                             {"--lists", ""},
                                                             {"--threads", ""}};
  bool raw = false;

  std::string& value(std::string_view option) {
    return std::find_if(values.begin(), values.end(),
                        [&](const auto& each) { return each.first == option; })
        ->second;
  }
};

Result<int> run_tags(Context& context, const TagsOptions& options) {
  std::vector<std::string> arguments{"data", "tags"};
  arguments.insert(arguments.end(), options.captions.begin(), options.captions.end());
  for (const auto& [option, value] : options.values) add_value(arguments, option, value);
  if (options.raw) arguments.emplace_back("--raw");
  if (context.format == OutputFormat::kJson) arguments.emplace_back("--json");
  context.host.out.flush();
  return context.host.run_worker(arguments);
}

struct PackOptions {
  std::vector<std::string> sources;
  /// Option and value; empty values are left out.
  std::vector<std::pair<const char*, std::string>> values = {
      {"--output", ""},    {"--short-side", ""}, {"--quality", ""},
      {"--shard-mib", ""}, {"--cache", ""},      {"--threads", ""}};
};

Result<int> run_pack(Context& context, const PackOptions& options) {
  std::vector<std::string> arguments{"data", "pack"};
  arguments.insert(arguments.end(), options.sources.begin(), options.sources.end());
  for (const auto& [option, value] : options.values) add_value(arguments, option, value);
  if (context.format == OutputFormat::kJson) arguments.emplace_back("--json");
  context.host.out.flush();
  return context.host.run_worker(arguments);
}

void add_pack(Program& program, CLI::App* data) {
  auto options = std::make_shared<PackOptions>();
  CLI::App* command = data->add_subcommand(
      "pack", "Rewrite training data into shards of small JPEGs with their captions");
  command
      ->add_option("source", options->sources,
                   "images in any form that data.root may have, and a file of captions")
      ->required()
      ->option_text("SOURCE...");
  std::size_t next = 0;
  const auto add = [&](const char* help, const char* text) {
    auto& [option, value] = options->values[next++];
    return command->add_option(option, value, help)->option_text(text);
  };
  add("folder of the shards; what is there already stays", "DIR")->required();
  add("larger images shrink to it; 0: files stay as they are (256)", "N")
      ->check(CLI::Range(0, 16'384));
  add("of the JPEGs (90)", "N")->check(CLI::Range(1, 100));
  add("about, of one shard (512)", "N")->check(CLI::Range(1, 65'536));
  add("folder for the indexes of shards that lie where nobody may write", "DIR");
  add("0: one a core, at most eight", "N")->check(CLI::Range(0, 256));
  command->footer(
      "Example:\n  tagalign data pack cc12m.tsv '/data/cc12m/*.tar' --output /fast/cc12m\n"
      "With several ranks: a job of kind data-pack.");
  program.on(command, options, run_pack);
}

void add_tags(Program& program, CLI::App* data) {
  auto options = std::make_shared<TagsOptions>();
  CLI::App* command =
      data->add_subcommand("tags", "Make the tag lists and labels of a training from its captions");
  command
      ->add_option("captions", options->captions,
                   "CSV with the header file,caption; CC12M's url<TAB>caption; or JSON lines with "
                   "id and caption")
      ->option_text("CAPTIONS...");
  const auto add = [&](const char* option, const char* help, const char* text) {
    return command->add_option(option, options->value(option), help)->option_text(text);
  };
  add("--output", "folder for object_list.csv, object_index.json, …", "DIR")->required();
  const auto count = CLI::TypeValidator<std::uint64_t>("N");
  add("--objects", "most frequent objects in the list (10000)", "N")->check(count);
  add("--attributes", "most frequent attributes in the list (1000)", "N")->check(count);
  add("--min-count", "captions that a tag must be in (5; for 12 million 50)", "N")->check(count);
  add("--drop-most-frequent", "leave out the N most frequent objects (0)", "N")->check(count);
  add("--per-caption", "JSON lines with all tags of each caption", "FILE");
  add("--import", "JSON lines with ready tags, which take the parser's place", "FILE");
  command->add_flag("--raw", options->raw, "imported tags stay as they are");
  add("--wordnet", "WordNet 3.0's dict files (/usr/share/wordnet)", "DIR");
  add("--lists", "lists of words (configs/tags)", "DIR");
  add("--threads", "0: one a core, at most eight", "N")->check(CLI::Range(0, 256));
  command->footer(
      "Example:\n  tagalign data tags cc12m.tsv --min-count 50 --output /data/cc12m/tags\n"
      "For JSON: tagalign --output json data tags …");
  program.on(command, options, run_tags);
}

struct ReportOptions {
  std::vector<std::string> sources;
  std::string cache;
  std::string decode;
  std::string page;
  std::string tags;
  std::string tag_names;
  int threads = 0;
};

Result<int> run_report(Context& context, const ReportOptions& options) {
  std::vector<std::string> arguments{"data", "report"};
  arguments.insert(arguments.end(), options.sources.begin(), options.sources.end());
  add_value(arguments, "--cache", options.cache);
  add_value(arguments, "--decode", options.decode);
  add_value(arguments, "--page", options.page);
  add_value(arguments, "--tags", options.tags);
  add_value(arguments, "--tag-names", options.tag_names);
  if (options.threads > 0) add_value(arguments, "--threads", format("{}", options.threads));
  if (context.format == OutputFormat::kJson) arguments.emplace_back("--json");
  context.host.out.flush();
  return context.host.run_worker(arguments);
}

void add_report(Program& program, CLI::App* data) {
  auto options = std::make_shared<ReportOptions>();
  CLI::App* command = data->add_subcommand(
      "report",
      "Count what a download of training data left behind: images, captions, links without an "
      "image, and everything odd");
  command
      ->add_option("source", options->sources,
                   "folders of images, zips, tars, folders or patterns of those, and files of "
                   "captions (CSV file,caption; lines of URL, tab, caption)")
      ->required()
      ->option_text("SOURCE...");
  command
      ->add_option("--cache", options->cache,
                   "folder for the indexes of shards that lie where nobody may write")
      ->option_text("DIR");
  command
      ->add_option("--decode", options->decode,
                   "images to decode, evenly spread (default: 10000; 0: none)")
      ->check(CLI::NonNegativeNumber)
      ->option_text("N");
  command->add_option("--threads", options->threads, "0: one a core, at most eight")
      ->check(CLI::Range(0, 256))
      ->option_text("N");
  command
      ->add_option("--page", options->page,
                   "write the report as an HTML page too, with 64 of the images")
      ->option_text("FILE");
  command->add_option("--tags", options->tags, "show their tags there: data.tags of a training")
      ->option_text("FILE");
  command->add_option("--tag-names", options->tag_names, "with their names: data.tag_names")
      ->option_text("FILE");
  command->footer(
      "Example:\n  tagalign data report cc12m.tsv '/data/cc12m/*.tar' --page cc12m.html");
  program.on(command, options, run_report);
}

}  // namespace

void add_data(Program& program) {
  CLI::App* data =
      program.app.add_subcommand("data", "Benchmark data sets, training data and its tags");
  data->require_subcommand(1);
  add_prepare(program, data);
  add_check(program, data);
  add_report(program, data);
  add_pack(program, data);
  add_tags(program, data);
}

}  // namespace tagalign::cli
