#include "coordinator/cli/commands/completion.h"
#include "base/exit_codes.h"
#include "base/format.h"
#include "coordinator/cli/commands/commands.h"

namespace tagalign::cli {
namespace {

std::vector<std::string> words_of(const CLI::App& command) {
  std::vector<std::string> words;
  for (const CLI::App* below : command.get_subcommands([](const CLI::App*) { return true; })) {
    if (!below->get_group().empty()) words.push_back(below->get_name());
  }
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) words.push_back("--" + name);
  }
  return words;
}

/// The generated parts of the script.
struct Cases {
  std::vector<std::string> paths;  ///< of every command, quoted: "job show"
  std::string words;               ///< one case a path: the words that may follow it
};

void add_cases(const CLI::App& command, const std::string& path, Cases& cases) {
  cases.paths.push_back(format("\"{}\"", path));
  cases.words += format("    \"{}\") words=\"{}\" ;;\n", path, fmt::join(words_of(command), " "));
  for (const CLI::App* below : command.get_subcommands([](const CLI::App*) { return true; })) {
    if (below->get_group().empty()) continue;
    add_cases(*below, path.empty() ? below->get_name() : path + " " + below->get_name(), cases);
  }
}

}  // namespace

std::string bash_completion(const CLI::App& app) {
  Cases cases;
  add_cases(app, "", cases);
  return "# bash completion of tagalign; use: source <(tagalign completion bash)\n"
         "_tagalign() {\n"
         "  local word longer path=\"\" words=\"\" skip=\"\"\n"
         "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
         "    if [ -n \"$skip\" ]; then skip=\"\"; continue; fi\n"
         "    case \"$word\" in\n"
         "      --state|--output|--key|--connect) skip=yes ;;\n"
         "      -*) ;;\n"
         "      *)\n"
         "        longer=\"${path:+$path }$word\"\n"
         "        case \"$longer\" in\n"
         "          " +
         format("{}", fmt::join(cases.paths, "|")) +
         ") path=\"$longer\" ;;\n"
         "        esac\n"
         "        ;;\n"
         "    esac\n"
         "  done\n"
         "  case \"$path\" in\n" +
         cases.words +
         "  esac\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n"
         "}\n"
         "complete -o default -F _tagalign tagalign\n";
}

void add_completion(Program& program) {
  CLI::App* command =
      program.app.add_subcommand("completion", "Print a completion script for the shell");
  auto shell = std::make_shared<std::string>();
  command->add_option("SHELL", *shell, "bash")->required()->check(CLI::IsMember({"bash"}));
  command->footer("Example:\n  source <(tagalign completion bash)");
  command->callback([&program, shell] {
    program.chosen = [&program](Context& context) -> Result<int> {
      context.host.out << bash_completion(program.app);
      return to_int(ExitCode::kOk);
    };
  });
}

}  // namespace tagalign::cli
