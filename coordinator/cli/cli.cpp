#include "coordinator/cli/cli.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>

#include "base/exit_codes.h"
#include "base/format.h"
#include "base/utf8.h"
#include "base/version.h"
#include "coordinator/cli/commands/commands.h"

namespace tagalign::cli {
namespace {

struct GlobalOptions {
  OutputFormat format = OutputFormat::kTable;
  std::string state;
  std::string key;
  std::string endpoint;
};

/// What is written beats what the environment says: --key, --state, $TAGALIGN_KEY, $TAGALIGN_STATE.
Path key_file(const GlobalOptions& options, const Host& host) {
  std::string file = options.key;
  if (file.empty() && options.state.empty()) {
    file = host.environment("TAGALIGN_KEY").value_or("");
  }
  return file.empty() ? Path() : std::filesystem::absolute(file).lexically_normal();
}

Path state_folder(const GlobalOptions& options, const Host& host) {
  Path folder = options.state;
  if (folder.empty()) folder = host.environment("TAGALIGN_STATE").value_or("");
  if (folder.empty()) {
    if (const auto xdg = host.environment("XDG_STATE_HOME"); xdg && !xdg->empty()) {
      folder = Path(*xdg) / "tagalign";
    } else {
      folder = Path(host.environment("HOME").value_or("/")) / ".local/state/tagalign";
    }
  }
  return std::filesystem::absolute(folder).lexically_normal();
}

void add_globals(CLI::App& app, GlobalOptions& options) {
  const std::map<std::string, OutputFormat> formats = {{"table", OutputFormat::kTable},
                                                       {"json", OutputFormat::kJson},
                                                       {"quiet", OutputFormat::kQuiet}};
  app.add_option("--output", options.format, "table, json, or quiet (bare names for scripts)")
      ->transform(CLI::CheckedTransformer(formats))
      ->option_text("table|json|quiet");
  app.add_option(
         "--state", options.state,
         "folder of the coordinator (default: $TAGALIGN_STATE, else $XDG_STATE_HOME/tagalign, "
         "else ~/.local/state/tagalign)")
      ->option_text("DIR");
  app.add_option("--key", options.key,
                 "file that the coordinator's owner gave you, in place of a state folder (default: "
                 "$TAGALIGN_KEY)")
      ->option_text("FILE");
  app.add_option("--connect", options.endpoint,
                 "with --key: where the coordinator is (default: what the key file says)")
      ->option_text("ENDPOINT");
  app.set_version_flag("--version", format("tagalign {}", kVersion));
}

Result<int> no_key_to_connect() {
  return invalid_argument(
      "--connect needs --key FILE: a key of `tagalign key add`, or for an agent a copy of "
      "keys/agent.key from the coordinator's state folder");
}

int run_chosen(const Program& program, const GlobalOptions& options, Host& host) {
  const auto writer = make_writer(options.format, host.out);
  Context context{host, state_folder(options, host), *writer, options.format};
  context.key = key_file(options, host);
  context.endpoint = options.endpoint;
  const Result<int> code = context.endpoint.empty() || !context.key.empty()
                               ? program.chosen(context)
                               : no_key_to_connect();
  host.out.flush();
  if (code.ok()) return *code;
  host.err << "tagalign: " << printable_lines(code.status().message()) << "\n";
  return exit_code_of(code.status());
}

}  // namespace

int exit_code_of(const Status& status) {
  switch (status.code()) {
    case ErrorCode::kUnavailable:
      return to_int(ExitCode::kCoordinatorUnreachable);
    case ErrorCode::kTimeout:
      return to_int(ExitCode::kTimeout);
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kNotFound:
    case ErrorCode::kAlreadyExists:
    case ErrorCode::kPermissionDenied:
    case ErrorCode::kUnsupported:
      return to_int(ExitCode::kUsage);
    default:
      return to_int(ExitCode::kJobFailed);
  }
}

int run_cli(const std::vector<std::string>& arguments, Host& host) {
  CLI::App app("Trains and evaluates open-vocabulary segmentation models as jobs on a cluster.",
               "tagalign");
  app.require_subcommand(1);
  app.fallthrough();
  app.footer(
      "Example:\n"
      "  tagalign coordinator start\n"
      "  tagalign submit configs/demo.yml --wait\n"
      "  tagalign results\n"
      "Exit codes: 0 ok, 1 job failed, 2 usage, 3 time-out, 4 coordinator unreachable.");
  GlobalOptions options;
  add_globals(app, options);
  Program program{app, {}};
  for (auto* add : {add_coordinator, add_agent, add_submit, add_jobs, add_job, add_wait,
                    add_goodput, add_checkpoints, add_results, add_data, add_doctor, add_weights,
                    add_pool, add_nodes, add_key, add_report, add_completion}) {
    add(program);
  }
  if (arguments.empty()) {
    host.out << app.help();
    return to_int(ExitCode::kOk);
  }
  try {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
    app.parse(reversed);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error, host.out, host.err);
    return code == 0 ? to_int(ExitCode::kOk) : to_int(ExitCode::kUsage);
  }
  return run_chosen(program, options, host);
}

}  // namespace tagalign::cli
