/// Who may connect, and what becomes of a connection when its key is revoked.
#include "coordinator/wire/allow_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <thread>

#include "coordinator/keys/given_keys.h"
#include "coordinator/keys/state_folder.h"
#include "coordinator/wire/codec.h"

namespace tagalign::wire {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;
namespace fs = std::filesystem;

constexpr std::int64_t kPatienceMs = 20'000;  // only a failing test waits that long
constexpr std::int64_t kRevokedMsMax = 1'000;
const std::string kKey(40, 'k');

class AllowListTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "ta-allow-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
  }
  void TearDown() override { fs::remove_all(folder_); }
  void write(const std::string& name, const std::string& text) {
    ASSERT_TRUE(posix_file_system().write_durable(folder_ / name, text).ok());
  }
  static void wait() { std::this_thread::sleep_for(AllowList::kLookMs); }

  Path folder_;
};

TEST_F(AllowListTest, Endings_AreRolesAndOtherFilesNothing) {
  for (const char* name : {"a.observe", "b.submit", "c.admin", "d.agent", "e.client"}) {
    write(name, kKey + "\n");
  }
  write("f.owner", kKey);
  write("g.observe", "short");
  write(".admin", kKey);
  const auto keys = read_allowed_keys(posix_file_system(), folder_).value();
  ASSERT_THAT(keys, SizeIs(5));
  const KeyRole roles[] = {KeyRole::kObserve, KeyRole::kSubmit, KeyRole::kAdmin, KeyRole::kAgent,
                           KeyRole::kAdmin};
  for (std::size_t i = 0; i < keys.size(); ++i) EXPECT_EQ(keys[i].role, roles[i]) << i;
}

TEST_F(AllowListTest, Find_OfAKeyThatCameJustNow_LooksAgain) {
  AllowList list(posix_file_system(), folder_);
  write("ada.submit", kKey);
  const auto found = list.find(kKey);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->name, "ada");
}

TEST_F(AllowListTest, StillAllowed_OfAnotherKeyOrRoleUnderTheName_IsNot) {
  write("ada.submit", kKey);
  AllowList list(posix_file_system(), folder_);
  const std::string id = list.find(kKey)->id();
  EXPECT_TRUE(list.still_allowed(id));
  write("ada.submit", std::string(40, 'x'));
  wait();
  list.look();
  EXPECT_FALSE(list.still_allowed(id));
  write("ada.observe", kKey);
  wait();
  list.look();
  EXPECT_FALSE(list.still_allowed(id)) << "with another role it is another permission";
}

TEST_F(AllowListTest, Look_AtAFolderThatCannotBeRead_KeepsWhatIsKnown) {
  write("ada.submit", kKey);
  AllowList list(posix_file_system(), folder_);
  const std::string id = list.find(kKey)->id();
  fs::rename(folder_, folder_.string() + ".away");
  wait();
  list.look();
  EXPECT_TRUE(list.still_allowed(id));
  fs::rename(folder_.string() + ".away", folder_);
}

/// A server and connections with keys that were given away.
class RevocationTest : public AllowListTest {
 protected:
  void SetUp() override {
    AllowListTest::SetUp();
    ASSERT_TRUE(create_state_folder(folder_).ok());
    server_ = listen_curve({.endpoint = "tcp://127.0.0.1:*",
                            .keys = load_server_credentials(folder_).value(),
                            .allowed_folder = StateFolder(folder_).allowed()})
                  .value();
    ASSERT_TRUE(posix_file_system()
                    .write_durable(StateFolder(folder_).endpoint(), server_->endpoint())
                    .ok());
  }
  std::unique_ptr<ClientSocket> give(const std::string& name, KeyRole role) {
    const Path file = folder_ / (name + ".key");
    TA_CHECK(add_key(folder_, {name, role, file}).ok());
    return connect_curve(load_key_file(file, "", peer_role_of(role)).value()).value();
  }
  IncomingFrame server_receives() {
    auto frame = server_->receive(kPatienceMs);
    TA_CHECK(frame.ok() && frame->has_value(), "the server got nothing");
    return **frame;
  }

  std::unique_ptr<ServerSocket> server_;
};

TEST_F(RevocationTest, GivenKey_OfARunningServer_WorksAtOnceWithItsRole) {
  auto client = give("ada", KeyRole::kObserve);
  ASSERT_TRUE(client->send(make_frame(ClientRequest(StatusRequest{}))).ok());
  const IncomingFrame request = server_receives();
  EXPECT_EQ(request.role, PeerRole::kClient);
  EXPECT_EQ(request.key.role, KeyRole::kObserve);
  EXPECT_EQ(request.key.name, "ada");
}

TEST_F(RevocationTest, RevokedClient_OnItsConnection_IsToldWithinASecond) {
  auto client = give("ada", KeyRole::kAdmin);
  ASSERT_TRUE(client->send(make_frame(ClientRequest(StatusRequest{}))).ok());
  server_receives();
  ASSERT_TRUE(revoke_key(folder_, "ada").ok());
  std::this_thread::sleep_for(std::chrono::milliseconds(kRevokedMsMax));
  ASSERT_TRUE(client->send(make_frame(ClientRequest(StopRequest{}))).ok());
  EXPECT_FALSE(server_->receive(200)->has_value()) << "the request came through";
  const auto answer = client->receive(kPatienceMs);
  ASSERT_FALSE(answer.ok());
  EXPECT_THAT(answer.status().message(), HasSubstr("was revoked"));
}

TEST_F(RevocationTest, RevokedAgent_IsSentNothingAnyMore) {
  auto agent = give("node7", KeyRole::kAgent);
  ASSERT_TRUE(agent->send(make_frame(FromAgent(AgentHeartbeat{}))).ok());
  const std::string peer = server_receives().peer;
  ASSERT_TRUE(server_->send(peer, make_frame(ToAgent(SayHello{}))).ok());
  ASSERT_TRUE(revoke_key(folder_, "node7").ok());
  std::this_thread::sleep_for(std::chrono::milliseconds(kRevokedMsMax));
  EXPECT_EQ(server_->send(peer, make_frame(ToAgent(SayHello{}))).code(), ErrorCode::kUnavailable);
}

TEST_F(RevocationTest, KeyFile_ReadableByOthers_IsRefused) {
  give("ada", KeyRole::kObserve);
  fs::permissions(folder_ / "ada.key", fs::perms::group_read, fs::perm_options::add);
  const auto options = load_key_file(folder_ / "ada.key", "", PeerRole::kClient);
  ASSERT_FALSE(options.ok());
  EXPECT_EQ(options.status().code(), ErrorCode::kPermissionDenied);
  EXPECT_THAT(options.status().message(), HasSubstr("chmod 600"));
}

TEST_F(RevocationTest, AgentKeyOfTheFolder_NeedsAnEndpoint) {
  const Path file = StateFolder(folder_).agent_key();
  EXPECT_EQ(load_key_file(file, "tcp://h:1", PeerRole::kAgent)->endpoint, "tcp://h:1");
  EXPECT_THAT(load_key_file(file, "", PeerRole::kAgent).status().message(), HasSubstr("--connect"));
}

}  // namespace
}  // namespace tagalign::wire
