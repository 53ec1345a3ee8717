#include <nlohmann/json.hpp>
#include <optional>

#include "base/exit_codes.h"
#include "base/format.h"
#include "base/json_text.h"
#include "coordinator/cli/commands/commands.h"

namespace tagalign::cli {
namespace {

using nlohmann::json;

struct Options {
  std::string file;
  std::string config;
  std::vector<std::string> overrides;
  bool tensors = false;
};

std::vector<std::string> worker_arguments(const Options& options) {
  std::vector<std::string> arguments = {"weights", "show", options.file};
  if (!options.config.empty()) arguments.insert(arguments.end(), {"--config", options.config});
  for (const std::string& override_ : options.overrides)
    arguments.insert(arguments.end(), {"--set", override_});
  return arguments;
}

/// The one line of JSON among what the worker and its libraries print.
std::optional<json> find_card(const std::string& output) {
  std::size_t begin = 0;
  while (begin < output.size()) {
    const std::size_t end = std::min(output.find('\n', begin), output.size());
    auto card = json::parse(output.substr(begin, end - begin), nullptr, /*allow_exceptions=*/false);
    if (card.is_object() && card.contains("fits")) return card;
    begin = end + 1;
  }
  return std::nullopt;
}

Result<json> ask_worker(Context& context, const Options& options) {
  TA_ASSIGN_OR_RETURN(const CommandOutput output,
                      context.host.ask_worker(worker_arguments(options)));
  // The worker's code is not 0 for a file that does not fit, too.
  if (auto card = find_card(output.output)) return *card;
  if (!output.exit.ok()) {
    std::string said = output.output;
    while (said.ends_with('\n')) said.pop_back();
    return invalid_argument(said.empty() ? "tagalign-worker: " + output.exit.to_string() : said);
  }
  return internal_error(
      format("tagalign-worker weights show {}: expected one line of JSON, found: {}", options.file,
             output.output));
}

Value text_or_nothing(const json& value) {
  return value.is_string() ? text(value.get<std::string>()) : nothing();
}

std::string megabytes(std::uint64_t bytes) {
  constexpr double kMegabyte = 1e6;
  return format("{:.1f} MB", static_cast<double>(bytes) / kMegabyte);
}

std::string types_text(const json& types) {
  std::vector<std::string> parts;
  for (const auto& [type, count] : types.items())
    parts.push_back(format("{} {}", count.get<std::uint64_t>(), type));
  return format("{}", fmt::join(parts, ", "));
}

Record record_of(const json& card) {
  const auto parameters = card.at("parameters").get<std::uint64_t>();
  const auto bytes = card.at("bytes").get<std::uint64_t>();
  return {{"file", text(card.at("file").get<std::string>())},
          {"container", text(card.at("container").get<std::string>())},
          {"digest", text(card.at("digest").get<std::string>())},
          {"clip", text_or_nothing(card.at("clip"))},
          {"projector", text_or_nothing(card.at("projector"))},
          {"naming", text_or_nothing(card.at("naming"))},
          {"step",
           card.at("step").is_null() ? nothing() : number(card.at("step").get<std::uint64_t>())},
          {"clip_digest", text_or_nothing(card.at("clip_digest"))},
          {"optimizer", yes_or_no(card.at("optimizer").get<bool>())},
          {"parameters", number(parameters)},
          {"size", number(bytes, megabytes(bytes))},
          {"tensors", text(types_text(card.at("types")))},
          {"fits", yes_or_no(card.at("fits").get<bool>())}};
}

Listing findings_of(const json& card) {
  Listing listing{{{"kind", "KIND"}, {"what", "WHAT"}}, {}, ""};
  for (const auto& [key, kind] :
       {std::pair{"problems", "problem"}, std::pair{"missing", "missing"},
        std::pair{"unexpected", "unexpected"}, std::pair{"not_read", "not read"},
        std::pair{"notices", "notice"}}) {
    for (const json& what : card.at(key))
      listing.rows.push_back({text(kind), text(what.get<std::string>())});
  }
  return listing;
}

Listing tensors_of(const json& card) {
  Listing listing{{{"name", "NAME"}, {"type", "TYPE"}, {"shape", "SHAPE"}}, {}, "no tensors"};
  for (const json& tensor : card.at("tensors")) {
    const auto shape = tensor.at("shape").get<std::vector<std::int64_t>>();
    listing.rows.push_back({text(tensor.at("name").get<std::string>()),
                            text(tensor.at("type").get<std::string>()),
                            text(format("[{}]", fmt::join(shape, ", ")))});
  }
  return listing;
}

Result<int> run(Context& context, const Options& options) {
  TA_ASSIGN_OR_RETURN(const json card, ask_worker(context, options));
  if (context.format == OutputFormat::kJson) {
    context.host.out << json_text(card) << '\n';
  } else {
    context.writer.record(record_of(card));
    if (const Listing findings = findings_of(card); !findings.rows.empty())
      context.writer.listing(findings);
    if (options.tensors) context.writer.listing(tensors_of(card));
  }
  return to_int(card.at("fits").get<bool>() ? ExitCode::kOk : ExitCode::kJobFailed);
}

}  // namespace

void add_weights(Program& program) {
  CLI::App* group = program.app.add_subcommand("weights", "Look at weight files");
  group->require_subcommand(1);
  CLI::App* command = group->add_subcommand(
      "show",
      "Print what a weight file or step folder holds: architecture, sizes, digest, and what is "
      "missing or unexpected; exit code 1 when something is");
  auto options = std::make_shared<Options>();
  command
      ->add_option("FILE", options->file, "safetensors, .pt, .pth (by content), or a step folder")
      ->required();
  auto* config = command->add_option("--config", options->config,
                                     "compare with this configuration of train or evaluate");
  command->add_option("--set", options->overrides, "key.path=value, on top of the configuration")
      ->take_all()
      ->expected(1)
      ->allow_extra_args(false)
      ->needs(config);
  command->add_flag("--tensors", options->tensors, "list every tensor");
  command->footer(
      "Examples:\n"
      "  tagalign weights show ViT-B-16.pt\n"
      "  tagalign weights show checkpoint.pth --config train.yml --output json");
  program.on(command, options, run);
}

}  // namespace tagalign::cli
