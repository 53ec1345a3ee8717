#include <stdlib.h>

#include "coordinator/keys/state_folder.h"
#include "tests/unit/cli/fake_host.h"

namespace tagalign::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
namespace fs = std::filesystem;

class KeyCommand : public CommandLine {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "ta-keys-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
  }
  void TearDown() override { fs::remove_all(folder_); }

  /// As after the first start of a coordinator.
  void make_state(const std::string& endpoint = "tcp://login1:41234") {
    ASSERT_TRUE(wire::create_state_folder(state()).ok());
    ASSERT_TRUE(
        posix_file_system().write_durable(wire::StateFolder(state()).endpoint(), endpoint).ok());
  }
  Path state() const { return folder_ / "state"; }
  int key(std::vector<std::string> words) {
    words.insert(words.begin(), {"--state", state().string(), "key"});
    return run(words);
  }
  int add(const std::string& name, const std::string& role) {
    return key({"add", name, "--role", role, "--file", (folder_ / (name + ".key")).string()});
  }

  Path folder_;
};

TEST_F(KeyCommand, Add_EachRole_GivesAPrivateFileThatOpensTheCoordinator) {
  make_state();
  for (const std::string role : {"observe", "submit", "admin", "agent"}) {
    EXPECT_EQ(add("of-" + role, role), 0) << err.str();
    EXPECT_EQ(err.str(), "");
    const Path file = folder_ / ("of-" + role + ".key");
    EXPECT_EQ(fs::status(file).permissions(), fs::perms::owner_read | fs::perms::owner_write);
    const auto options = wire::load_key_file(file, "", wire::PeerRole::kClient);
    ASSERT_TRUE(options.ok()) << options.status().message();
    EXPECT_EQ(options->endpoint, "tcp://login1:41234");
    EXPECT_EQ(options->server_public_key, wire::load_server_credentials(state())->public_key);
    EXPECT_THAT(out.str(), AllOf(HasSubstr(role), HasSubstr(options->keys.public_key),
                                 Not(HasSubstr(options->keys.secret_key))));
  }
}

TEST_F(KeyCommand, Add_OnALoopbackAddress_SaysThatOthersDoNotReachIt) {
  make_state("tcp://127.0.0.1:4000");
  EXPECT_EQ(add("ada", "observe"), 0);
  EXPECT_THAT(err.str(), HasSubstr("listens on this machine only"));
}

TEST_F(KeyCommand, Add_WhatCannotBe_IsRefusedAndLeavesNothing) {
  EXPECT_EQ(add("ada", "observe"), 2) << "no coordinator was ever started";
  EXPECT_THAT(err.str(), HasSubstr("coordinator start"));
  make_state();
  EXPECT_EQ(add("ada", "owner"), 2);
  EXPECT_EQ(add("../ada", "observe"), 2);
  EXPECT_EQ(add("ada", "observe"), 0);
  EXPECT_EQ(key({"add", "ada", "--role", "admin", "--file", (folder_ / "b").string()}), 2);
  EXPECT_THAT(err.str(), HasSubstr("there is one, for observe"));
  EXPECT_EQ(key({"add", "bob", "--role", "admin", "--file", (folder_ / "ada.key").string()}), 2);
  EXPECT_THAT(err.str(), HasSubstr("exists"));
  EXPECT_FALSE(fs::exists(folder_ / "b"));
  EXPECT_FALSE(fs::exists(wire::StateFolder(state()).allowed() / "bob.admin"));
}

TEST_F(KeyCommand, List_OfAnOldFolder_ShowsItsClientAsAdmin) {
  make_state();
  const Path allowed = wire::StateFolder(state()).allowed();
  fs::rename(allowed / "default.admin", allowed / "default.client");
  add("ada", "submit");
  EXPECT_EQ(key({"list"}), 0);
  EXPECT_THAT(out.str(), HasSubstr("ada      submit"));
  EXPECT_THAT(out.str(), HasSubstr("default  admin"));
  EXPECT_THAT(out.str(), HasSubstr("local    agent"));
}

TEST_F(KeyCommand, Revoke_TakesTheKeyOffTheList) {
  make_state();
  add("ada", "submit");
  EXPECT_EQ(key({"revoke", "ada"}), 0);
  EXPECT_EQ(err.str(), "");
  key({"list"});
  EXPECT_THAT(out.str(), Not(HasSubstr("ada")));
  EXPECT_EQ(key({"revoke", "ada"}), 2);
  EXPECT_THAT(err.str(), HasSubstr("there is none of that name"));
  EXPECT_EQ(key({"revoke", "default"}), 0);
  EXPECT_THAT(err.str(), HasSubstr("no admin's key is left"));
}

TEST_F(KeyCommand, KeyFile_FromOptionThenEnvironment_TakesThePlaceOfTheStateFolder) {
  run({"--key", "/k/ada.key", "--connect", "tcp://h:1", "jobs"});
  EXPECT_EQ(way.key, "/k/ada.key");
  EXPECT_EQ(way.endpoint, "tcp://h:1");
  environment["TAGALIGN_KEY"] = "/env.key";
  run({"jobs"});
  EXPECT_EQ(way.key, "/env.key");
  run({"jobs", "--state", "/s"});
  EXPECT_EQ(way.key, "") << "what is written beats the environment";
  EXPECT_EQ(run({"agent", "--key", "/k/n.key", "--connect", "tcp://h:2"}), 0);
  EXPECT_EQ(agent_arguments.key, "/k/n.key");
  EXPECT_EQ(agent_arguments.connect, "tcp://h:2");
  environment.erase("TAGALIGN_KEY");
  EXPECT_EQ(run({"agent", "--connect", "tcp://h:2"}), 2);
  EXPECT_THAT(err.str(), HasSubstr("--connect needs --key"));
  EXPECT_EQ(run({"--key", "/k/ada.key", "key", "list"}), 2) << "keys are made by the owner";
}

TEST_F(KeyCommand, Submit_WithAKeyAndWithoutWorkspace_AsksForOne) {
  const std::string demo = std::string(std::getenv("TAGALIGN_SOURCE")) + "/configs/demo.yml";
  EXPECT_EQ(run({"--key", "/k/ada.key", "submit", demo, "--dry-run"}), 2);
  EXPECT_THAT(err.str(), HasSubstr("--workspace"));
  EXPECT_EQ(run({"--key", "/k/ada.key", "submit", demo, "--dry-run", "--workspace", "/w"}), 0);
}

}  // namespace
}  // namespace tagalign::cli
