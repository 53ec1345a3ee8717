#include "coordinator/keys/state_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>

namespace tagalign::wire {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

class StateFolderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "ta-state-XXXXXX").string();
    root_ = Path(mkdtemp(pattern.data())) / "state";
  }
  void TearDown() override { fs::remove_all(root_.parent_path()); }

  std::string contents(const Path& path) {
    return posix_file_system().read_file(path, 4096).value();
  }

  Path root_;
};

TEST_F(StateFolderTest, Create_NewFolder_HoldsPrivateKeysAndAllowList) {
  ASSERT_TRUE(create_state_folder(root_).ok());
  const StateFolder state(root_);
  EXPECT_EQ(fs::status(root_).permissions(), fs::perms::owner_all);
  for (const char* name : {"server", "client", "agent"}) {
    EXPECT_TRUE(check_private_file(state.secret(name)).ok()) << name;
  }
  EXPECT_TRUE(fs::exists(state.allowed() / "default.admin"));
  EXPECT_TRUE(fs::exists(state.allowed() / "local.agent"));
}

TEST_F(StateFolderTest, Create_Again_KeepsKeysAndWithdrawnPermission) {
  ASSERT_TRUE(create_state_folder(root_).ok());
  const StateFolder state(root_);
  const std::string before = contents(state.secret("server"));
  fs::remove(state.allowed() / "default.admin");
  ASSERT_TRUE(create_state_folder(root_).ok());
  EXPECT_EQ(contents(state.secret("server")), before);
  EXPECT_FALSE(fs::exists(state.allowed() / "default.admin"));
}

TEST_F(StateFolderTest, Create_InAnExistingFolder_KeepsItsModeAndHidesTheKeys) {
  fs::create_directories(root_ / "keys");
  const fs::perms shared = fs::perms::all | fs::perms::sticky_bit;
  fs::permissions(root_, shared);
  fs::permissions(root_ / "keys", fs::perms::all);
  ASSERT_TRUE(create_state_folder(root_).ok());
  EXPECT_EQ(fs::status(root_).permissions(), shared);
  EXPECT_EQ(fs::status(root_ / "keys").permissions(), fs::perms::owner_all);
}

TEST_F(StateFolderTest, LoadServer_KeyReadableByOthers_IsRefusedWithTheRemedy) {
  ASSERT_TRUE(create_state_folder(root_).ok());
  const Path secret = StateFolder(root_).secret("server");
  fs::permissions(secret, fs::perms::owner_read | fs::perms::group_read);
  const auto keys = load_server_credentials(root_);
  ASSERT_FALSE(keys.ok());
  EXPECT_EQ(keys.status().code(), ErrorCode::kPermissionDenied);
  EXPECT_THAT(keys.status().message(), HasSubstr("chmod"));
  EXPECT_THAT(keys.status().message(), HasSubstr(secret.string()));
}

TEST_F(StateFolderTest, LoadClient_KeyReadableByOthers_IsRefused) {
  ASSERT_TRUE(create_state_folder(root_).ok());
  const StateFolder state(root_);
  ASSERT_TRUE(posix_file_system().write_durable(state.endpoint(), "tcp://127.0.0.1:1\n").ok());
  fs::permissions(state.secret("client"), fs::perms::others_read, fs::perm_options::add);
  EXPECT_EQ(load_client_credentials(root_).status().code(), ErrorCode::kPermissionDenied);
}

TEST_F(StateFolderTest, LoadServer_DamagedKey_SaysWhatWasExpected) {
  ASSERT_TRUE(create_state_folder(root_).ok());
  const Path secret = StateFolder(root_).secret("server");
  ASSERT_TRUE(write_private_file(secret, "short\n").ok());
  EXPECT_THAT(load_server_credentials(root_).status().message(), HasSubstr("two lines"));
}

TEST_F(StateFolderTest, LoadClient_NoCoordinatorYet_NamesTheCommand) {
  const auto options = load_client_credentials(root_);
  ASSERT_FALSE(options.ok());
  EXPECT_EQ(options.status().code(), ErrorCode::kNotFound);
  EXPECT_THAT(options.status().message(), HasSubstr("tagalign coordinator start"));
}

TEST_F(StateFolderTest, LoadClient_CompleteFolder_GivesEndpointAndKeys) {
  ASSERT_TRUE(create_state_folder(root_).ok());
  ASSERT_TRUE(
      posix_file_system().write_durable(StateFolder(root_).endpoint(), "tcp://127.0.0.1:9\n").ok());
  const auto options = load_client_credentials(root_, PeerRole::kAgent);
  ASSERT_TRUE(options.ok());
  EXPECT_EQ(options->endpoint, "tcp://127.0.0.1:9");
  EXPECT_EQ(options->server_public_key, load_server_credentials(root_)->public_key);
  EXPECT_EQ(options->role, PeerRole::kAgent);
}

TEST_F(StateFolderTest, PidFile_OfLivingProcess_IsRead) {
  ASSERT_TRUE(create_state_folder(root_).ok());
  const Path path = StateFolder(root_).pid_file();
  ASSERT_TRUE(write_pid_file(path, getpid()).ok());
  const auto identity = read_live_process(path);
  ASSERT_TRUE(identity.has_value());
  EXPECT_EQ(identity->pid, getpid());
}

TEST_F(StateFolderTest, PidFile_OfReusedPid_IsNotTaken) {
  ASSERT_TRUE(create_state_folder(root_).ok());
  const Path path = StateFolder(root_).pid_file();
  ASSERT_TRUE(posix_file_system().write_durable(path, std::to_string(getpid()) + " 1\n").ok());
  EXPECT_FALSE(read_live_process(path).has_value());
  EXPECT_FALSE(read_live_process(root_ / "nothing").has_value());
}

}  // namespace
}  // namespace tagalign::wire
