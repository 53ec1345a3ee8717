#include "worker/command/weights_commands.h"

#include <cstdio>
#include <memory>

#include "base/exit_codes.h"
#include "base/format.h"
#include "base/utf8.h"
#include "worker/weights/export_job.h"
#include "worker/weights/import_job.h"
#include "worker/weights/weights_show.h"

namespace tagalign::jobs {
namespace {

int fail(const char* verb, const Status& status) {
  std::fputs(format("{}: {}\n", verb, printable_lines(status.message())).c_str(), stderr);
  return to_int(ExitCode::kJobFailed);
}

/// Prints what `verb` has to say; its failure goes to stderr.
int finish(const char* verb, const Result<std::string>& said) {
  if (!said.ok()) return fail(verb, said.status());
  std::puts(said->c_str());
  return to_int(ExitCode::kOk);
}

/// A file that does not fit is a failure whose card is printed all the same.
int show(const WeightsShowOptions& options) {
  const auto card = describe_weights(posix_file_system(), options);
  if (!card.ok()) return fail("weights show", card.status());
  std::puts(card->line.c_str());
  return to_int(card->fits ? ExitCode::kOk : ExitCode::kJobFailed);
}

Result<std::string> import_and_say(const ImportOptions& options) {
  TA_ASSIGN_OR_RETURN(const auto imported, import_weights(posix_file_system(), options));
  std::string text = imported.folder.string();
  text += imported.resumable ? format(": train resumes here with {} and checkpoint.directory={}",
                                      options.config, options.output)
                             : ": for evaluate and export";
  for (const auto& notice : imported.notices) text += "\n" + notice;
  return text;
}

/// On top of the configuration that `config` names.
void add_overrides(CLI::App* command, CLI::Option* config, std::vector<std::string>& overrides) {
  command
      ->add_option("--set", overrides,
                   "key.path=value, on top of the configuration; may be repeated")
      ->take_all()
      ->expected(1)
      ->allow_extra_args(false)
      ->needs(config);
}

void add_export(CLI::App& app, std::function<int()>& chosen) {
  auto options = std::make_shared<ExportOptions>();
  auto* command = app.add_subcommand(
      "export", "Write a trained projector as one safetensors file with the reference's names");
  command
      ->add_option("--checkpoint", options->checkpoint,
                   "step folder, a folder of them (the newest), or a weight file to rewrite")
      ->required();
  command->add_option("--output", options->output, "safetensors file to write")->required();
  command
      ->add_option("--naming", options->naming,
                   "TagAlign's branch: main (projector.*) or dev (decoder.*); tcl, groupvit, "
                   "ovsegmentor: their authors' names; default: main, or the method's own")
      ->check(CLI::IsMember({"main", "dev", "tcl", "groupvit", "ovsegmentor"}));
  command->add_option("--clip", options->clip,
                      "CLIP weights that it was trained on: checked and named in the file");
  command->footer(
      "Example:\n  tagalign-worker export --checkpoint run/checkpoints --output "
      "tagalign.safetensors "
      "--naming dev");
  command->callback([&chosen, options] {
    chosen = [options] { return finish("export", export_weights(posix_file_system(), *options)); };
  });
}

void add_import(CLI::App& app, std::function<int()>& chosen) {
  auto options = std::make_shared<ImportOptions>();
  auto* command = app.add_subcommand(
      "import", "Read weights or a training checkpoint of the reference into a checkpoint folder");
  command->add_option("--from", options->from, ".pth, .pt or .safetensors file")->required();
  command->add_option("--output", options->output, "folder to write step folders into")->required();
  command->add_option("--clip", options->clip, "CLIP weights that it was trained on");
  auto* config =
      command->add_option("--config", options->config,
                          "training configuration to go on with; without, it cannot be resumed");
  add_overrides(command, config, options->overrides);
  command->footer(
      "Examples:\n"
      "  tagalign-worker import --from checkpoint.pth --output imported --clip ViT-B-16.pt\n"
      "  tagalign-worker import --from checkpoint.pth --output run/checkpoints --config train.yml");
  command->callback([&chosen, options] {
    chosen = [options] { return finish("import", import_and_say(*options)); };
  });
}

void add_show(CLI::App& app, std::function<int()>& chosen) {
  auto options = std::make_shared<WeightsShowOptions>();
  auto* weights = app.add_subcommand("weights", "Look at weight files");
  weights->require_subcommand(1);
  auto* command = weights->add_subcommand("show",
                                          "Print one JSON line about a weight file or step folder; "
                                          "exit code 1 when it does not fit");
  command->add_option("FILE", options->file, "weight file or step folder")->required();
  auto* config =
      command->add_option("--config", options->config, "configuration of train or evaluate to fit");
  add_overrides(command, config, options->overrides);
  command->footer("Example:\n  tagalign-worker weights show ViT-B-16.pt");
  command->callback([&chosen, options] { chosen = [options] { return show(*options); }; });
}

}  // namespace

void add_weights_commands(CLI::App& app, std::function<int()>& chosen) {
  add_export(app, chosen);
  add_import(app, chosen);
  add_show(app, chosen);
}

}  // namespace tagalign::jobs
