/// `tagalign key add|list|revoke`: who may talk to the coordinator of the state folder, and as what.
#include <algorithm>

#include "base/exit_codes.h"
#include "base/format.h"
#include "coordinator/cli/commands/commands.h"

namespace tagalign::cli {
namespace {

struct AddOptions {
  std::string name;
  std::string role;
  std::string file;
};
struct RevokeOptions {
  std::string name;
};
struct NoOptions {};

Status check_owner(const Context& context, const char* verb) {
  if (context.key.empty()) return ok_status();
  return invalid_argument(
      format("key {}: keys are made and taken back where the coordinator's state folder is, found "
             "--key {}; log in there and use --state DIR",
             verb, context.key.string()));
}

bool on_this_machine_only(const std::string& endpoint) {
  return endpoint.starts_with("tcp://127.") || endpoint.starts_with("tcp://localhost:");
}

Result<int> add(Context& context, const AddOptions& options) {
  TA_RETURN_IF_ERROR(check_owner(context, "add"));
  wire::NewKey wanted{.name = options.name, .role = *wire::key_role_of(options.role)};
  wanted.file =
      std::filesystem::absolute(options.file.empty() ? options.name + ".key" : options.file);
  TA_ASSIGN_OR_RETURN(const wire::GivenKey given, context.host.add_key(context.state, wanted));
  const std::string use = given.key.role == wire::KeyRole::kAgent ? "tagalign agent --key FILE"
                                                                  : "tagalign --key FILE jobs";
  context.writer.record({{"file", text(wanted.file.string())},
                         {"name", text(given.key.name)},
                         {"role", text(std::string(wire::key_role_name(given.key.role)))},
                         {"public_key", text(given.key.public_key)},
                         {"endpoint", text(given.endpoint)},
                         {"use", text(use)}});
  context.host.out.flush();
  if (on_this_machine_only(given.endpoint)) {
    context.host.err << "note: the coordinator listens on this machine only; for others start it "
                        "with --listen 'tcp://ADDRESS:*' and add the key then, or say --connect\n";
  }
  return to_int(ExitCode::kOk);
}

Listing listing_of(const std::vector<wire::AllowedKey>& keys) {
  Listing listing{{{"name", "NAME"}, {"role", "ROLE"}, {"public_key", "PUBLIC KEY"}},
                  {},
                  "no key is allowed; make one with: tagalign key add NAME --role admin"};
  for (const wire::AllowedKey& key : keys) {
    listing.rows.push_back(
        {text(key.name), text(std::string(wire::key_role_name(key.role))), text(key.public_key)});
  }
  return listing;
}

Result<int> list(Context& context, const NoOptions&) {
  TA_RETURN_IF_ERROR(check_owner(context, "list"));
  TA_ASSIGN_OR_RETURN(const auto keys, context.host.list_keys(context.state));
  context.writer.listing(listing_of(keys));
  return to_int(ExitCode::kOk);
}

Result<int> revoke(Context& context, const RevokeOptions& options) {
  TA_RETURN_IF_ERROR(check_owner(context, "revoke"));
  TA_ASSIGN_OR_RETURN(const auto revoked, context.host.revoke_key(context.state, options.name));
  context.writer.listing(listing_of(revoked));
  context.host.out.flush();
  TA_ASSIGN_OR_RETURN(const auto left, context.host.list_keys(context.state));
  const bool admin =
      std::ranges::any_of(left, [](const auto& key) { return key.role == wire::KeyRole::kAdmin; });
  if (!admin) {
    context.host.err << "note: no admin's key is left: nobody can stop the coordinator until "
                        "`tagalign key add NAME --role admin`\n";
  }
  return to_int(ExitCode::kOk);
}

void add_add(Program& program, CLI::App& group) {
  auto options = std::make_shared<AddOptions>();
  CLI::App* command = group.add_subcommand("add", "Make a key, as a file to give away");
  command->add_option("NAME", options->name, "of the person or machine that gets it")->required();
  command
      ->add_option("--role", options->role,
                   "observe: look at jobs, logs, results and nodes; submit: also hand in, change "
                   "and cancel jobs; admin: everything; agent: offer slots")
      ->required()
      ->check(CLI::IsMember({"observe", "submit", "admin", "agent"}));
  command->add_option("--file", options->file, "where the private key goes (default: NAME.key)")
      ->option_text("FILE");
  command->footer(
      "Give the file to its owner alone, readable by nobody else (mode 0600): with --key FILE, or\n"
      "$TAGALIGN_KEY, commands need no state folder. A running coordinator knows it at once.\n"
      "Examples:\n"
      "  tagalign key add ada --role submit\n"
      "  tagalign key add node7 --role agent --file /secure/node7.key");
  program.on(command, options, add);
}

}  // namespace

void add_key(Program& program) {
  CLI::App* group =
      program.app.add_subcommand("key", "Who may talk to the coordinator, and what they may");
  group->require_subcommand(1);
  add_add(program, *group);
  CLI::App* list_command = group->add_subcommand("list", "Names and roles of all keys");
  list_command->footer("Example:\n  tagalign key list");
  program.on(list_command, std::make_shared<NoOptions>(), list);
  auto options = std::make_shared<RevokeOptions>();
  CLI::App* revoke_command =
      group->add_subcommand("revoke", "Take a key back; within a second it is of no use");
  revoke_command->add_option("NAME", options->name, "as `key list` shows it")->required();
  revoke_command->footer("Example:\n  tagalign key revoke ada");
  program.on(revoke_command, options, revoke);
}

}  // namespace tagalign::cli
