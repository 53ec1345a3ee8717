#include <set>

#include "base/exit_codes.h"
#include "base/format.h"
#include "checkpoint/keep.h"
#include "checkpoint/load.h"
#include "coordinator/cli/checkpoints/pages.h"
#include "coordinator/cli/checkpoints/step_diff.h"
#include "coordinator/cli/checkpoints/steps.h"
#include "coordinator/cli/commands/commands.h"

namespace tagalign::cli {
namespace {

struct StepOptions {
  std::string path;
  int threads = 4;
};

Result<int> run_verify(Context& context, const StepOptions& options) {
  TA_ASSIGN_OR_RETURN(const auto folders, step_folders(context.host.files, options.path));
  const Verification verification = verification_page(context.host.files, folders, options.threads);
  context.writer.listing(verification.listing);
  return to_int(verification.damaged ? ExitCode::kJobFailed : ExitCode::kOk);
}

Result<int> run_show(Context& context, const StepOptions& options) {
  TA_ASSIGN_OR_RETURN(const auto file, open_step(context.host.files, options.path));
  if (context.format == OutputFormat::kJson) {
    context.host.out << step_json(file) << '\n';
    return to_int(ExitCode::kOk);
  }
  const StepPage page = step_page(file);
  context.writer.record(page.position);
  if (context.format == OutputFormat::kQuiet) return to_int(ExitCode::kOk);
  for (const Listing* listing : {&page.settings, &page.shards, &page.tensors}) {
    context.host.out << '\n';
    context.writer.listing(*listing);
  }
  return to_int(ExitCode::kOk);
}

struct PruneOptions {
  std::string folder;
  int keep_last = 0;
  std::uint64_t keep_every = 0;
  std::vector<std::uint64_t> keep_steps;
  bool dry_run = false;
  bool yes = false;
};

/// What is left must be worth leaving: a newest one that is damaged would need what is removed.
Status check_newest(FileSystem& files, const std::vector<checkpoint::Fate>& fates) {
  return checkpoint::verify(files, fates.back().manifest)
      .with_context("nothing was removed, since the newest is damaged");
}

Status remove_all(FileSystem& files, const std::vector<checkpoint::Fate>& going) {
  for (const checkpoint::Fate& fate : going)
    TA_RETURN_IF_ERROR(checkpoint::remove_checkpoint(files, fate.manifest.folder));
  return ok_status();
}

Result<int> run_prune(Context& context, const PruneOptions& options) {
  FileSystem& files = context.host.files;
  TA_RETURN_IF_ERROR(step_folders(files, options.folder).status());
  const checkpoint::KeepRules rules{
      .last = options.keep_last,
      .every = options.keep_every,
      .best = std::set(options.keep_steps.begin(), options.keep_steps.end())};
  TA_ASSIGN_OR_RETURN(const auto fates, checkpoint::judge(files, options.folder, rules));
  std::vector<checkpoint::Fate> going;
  for (const checkpoint::Fate& fate : fates) {
    if (!fate.stays) going.push_back(fate);
  }
  const bool removes = options.yes && !options.dry_run && !going.empty();
  if (removes) TA_RETURN_IF_ERROR(check_newest(files, fates));
  const Listing page = removal_page(files, going, removes ? "removed" : "would go");
  if (removes) TA_RETURN_IF_ERROR(remove_all(files, going));
  context.writer.listing(page);
  if (removes || options.dry_run || going.empty()) return to_int(ExitCode::kOk);
  return invalid_argument("nothing was removed: add --yes to remove these, or --dry-run to look");
}

struct DiffOptions {
  std::string left;
  std::string right;
};

Result<int> run_diff(Context& context, const DiffOptions& options) {
  FileSystem& files = context.host.files;
  Sides sides;
  TA_ASSIGN_OR_RETURN(sides.left, open_step(files, options.left));
  TA_ASSIGN_OR_RETURN(sides.right, open_step(files, options.right));
  TA_ASSIGN_OR_RETURN(const Listing page, diff_page(files, sides));
  context.writer.listing(page);
  return to_int(page.rows.empty() ? ExitCode::kOk : ExitCode::kJobFailed);
}

struct PinOptions {
  std::string path;
  std::string owner = "hand";
};

Result<int> say_pin(Context& context, const PinOptions& options, const char* key) {
  context.writer.record({{"path", text(options.path)}, {key, text(options.owner)}});
  return to_int(ExitCode::kOk);
}

Result<int> run_pin(Context& context, const PinOptions& options) {
  TA_RETURN_IF_ERROR(checkpoint::pin(context.host.files, options.path, options.owner));
  return say_pin(context, options, "pinned_by");
}

Result<int> run_unpin(Context& context, const PinOptions& options) {
  TA_RETURN_IF_ERROR(checkpoint::unpin(context.host.files, options.path, options.owner));
  return say_pin(context, options, "no_longer_pinned_by");
}

void add_verify(Program& program, CLI::App& group) {
  auto options = std::make_shared<StepOptions>();
  CLI::App* command = group.add_subcommand(
      "verify",
      "Read every byte and compare it with the manifest; exit code 1 when any is damaged");
  command->add_option("path", options->path, "a folder of checkpoints, or one of them")
      ->required()
      ->option_text("FOLDER|STEP");
  command->add_option("--threads", options->threads, "that read and hash (default: 4)")
      ->check(CLI::Range(1, 256))
      ->option_text("N");
  command->footer("Examples:\n  tagalign checkpoints verify ./checkpoints");
  program.on(command, options, run_verify);
}

void add_show(Program& program, CLI::App& group) {
  auto options = std::make_shared<StepOptions>();
  CLI::App* command = group.add_subcommand(
      "show", "Print what a checkpoint's manifest says: position, settings, shards, tensors");
  command->add_option("step", options->path, "folder of a checkpoint")
      ->required()
      ->option_text("STEP");
  command->footer("Examples:\n  tagalign checkpoints show checkpoints/step-00001200");
  program.on(command, options, run_show);
}

void add_prune(Program& program, CLI::App& group) {
  auto options = std::make_shared<PruneOptions>();
  CLI::App* command = group.add_subcommand(
      "prune",
      "Remove checkpoints that no rule keeps. The newest, which must be whole, pinned and damaged "
      "ones stay; safe beside a run that writes in the folder");
  command->add_option("folder", options->folder, "of checkpoints")
      ->required()
      ->option_text("FOLDER");
  command->add_option("--keep-last", options->keep_last, "the newest so many scheduled ones stay")
      ->required()
      ->check(CLI::Range(1, 1'000'000))
      ->option_text("K");
  command
      ->add_option("--keep-every", options->keep_every, "and those whose step is a multiple of it")
      ->option_text("N");
  command
      ->add_option("--keep-step", options->keep_steps,
                   "and this one, such as the best; may be repeated")
      ->take_all()
      ->expected(1)
      ->allow_extra_args(false)
      ->option_text("STEP");
  command->add_flag("--dry-run", options->dry_run, "only say what would go");
  command->add_flag("--yes", options->yes, "remove them; without it nothing is");
  command->footer(
      "Examples:\n"
      "  tagalign checkpoints prune ./checkpoints --keep-last 3 --keep-every 10000 --dry-run\n"
      "  tagalign checkpoints prune ./checkpoints --keep-last 1 --keep-step 25000 --yes");
  program.on(command, options, run_prune);
}

void add_diff(Program& program, CLI::App& group) {
  auto options = std::make_shared<DiffOptions>();
  CLI::App* command = group.add_subcommand(
      "diff", "Print in what two checkpoints differ; exit code 1 when they do");
  command->add_option("left", options->left, "folder of a checkpoint")
      ->required()
      ->option_text("STEP");
  command->add_option("right", options->right, "folder of the other one")
      ->required()
      ->option_text("STEP");
  command->footer(
      "Examples:\n  tagalign checkpoints diff a/step-00001200 b/step-00001200 --output json");
  program.on(command, options, run_diff);
}

void add_pins(Program& program, CLI::App& group) {
  const auto add = [&](const char* name, const char* help, auto* run) {
    auto options = std::make_shared<PinOptions>();
    CLI::App* command = group.add_subcommand(name, help);
    command->add_option("step", options->path, "folder of a checkpoint")
        ->required()
        ->option_text("STEP");
    command
        ->add_option("--as", options->owner,
                     "who needs it: letters, digits, - and _ (default: "
                     "hand)")
        ->option_text("NAME");
    command->footer(
        format("Examples:\n  tagalign checkpoints {} checkpoints/step-00001200 --as "
               "paper",
               name));
    program.on(command, options, run);
  };
  add("pin", "Keep a checkpoint, whatever the rules say, until it is unpinned", run_pin);
  add("unpin", "Let the rules judge a checkpoint again", run_unpin);
}

}  // namespace

void add_checkpoint_files(Program& program, CLI::App& checkpoints) {
  add_verify(program, checkpoints);
  add_show(program, checkpoints);
  add_diff(program, checkpoints);
  add_prune(program, checkpoints);
  add_pins(program, checkpoints);
}

}  // namespace tagalign::cli
