#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/format.h"
#include "coordinator/cli/host/doctor.h"
#include "coordinator/keys/state_folder.h"

namespace tagalign::cli {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

/// A folder of its own, which is also all of PATH: no mpirun is there.
class ExamineMachine : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "ta-examine-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    path_before_ = std::getenv("PATH");
    setenv("PATH", folder_.c_str(), 1);
  }
  void TearDown() override {
    setenv("PATH", path_before_.c_str(), 1);
    fs::remove_all(folder_);
  }

  Check examine(const std::string& name) {
    const auto checks = examine_machine(state(), folder_ / "tagalign-worker");
    const auto found = std::ranges::find(checks, name, &Check::name);
    return found == checks.end() ? Check{} : *found;
  }
  Path state() const { return folder_ / "state"; }
  void write(const Path& path, const std::string& text) {
    ASSERT_TRUE(posix_file_system().write_durable(path, text).ok());
  }

  Path folder_;
  std::string path_before_;
};

/// A port of 127.0.0.1 that somebody listens on.
class TakenPort {
 public:
  TakenPort() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* any = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(socket_, any, size), 0);
    EXPECT_EQ(::listen(socket_, 1), 0);
    EXPECT_EQ(::getsockname(socket_, any, &size), 0);
    number_ = ntohs(address.sin_port);
  }
  ~TakenPort() { ::close(socket_); }
  TakenPort(const TakenPort&) = delete;
  TakenPort& operator=(const TakenPort&) = delete;
  int number() const { return number_; }

 private:
  int socket_;
  int number_ = 0;
};

TEST_F(ExamineMachine, PathWithoutMpirun_IsAnErrorNamingThePackage) {
  const Check check = examine("mpi");
  EXPECT_EQ(check.health, Health::kError);
  EXPECT_EQ(check.found, "there is no mpirun on PATH");
  EXPECT_THAT(check.remedy, HasSubstr("apt-get install openmpi-bin"));
}

TEST_F(ExamineMachine, FolderNotThereYet_IsWell) {
  const Check check = examine("state");
  EXPECT_EQ(check.health, Health::kOk);
  EXPECT_EQ(check.found, state().string() + " will be made");
  EXPECT_EQ(examine("disk").health, Health::kOk);
  EXPECT_EQ(examine("keys").found, "will be made when a coordinator starts");
  EXPECT_FALSE(fs::exists(state())) << "looking makes nothing";
}

TEST_F(ExamineMachine, FileInPlaceOfTheFolder_IsAnErrorWithAWayOut) {
  write(state(), "");
  const Check folder = examine("state");
  EXPECT_EQ(folder.health, Health::kError);
  EXPECT_EQ(folder.found, state().string() + " is no folder");
  EXPECT_THAT(folder.remedy, HasSubstr("--state"));
  const Check disk = examine("disk");
  EXPECT_EQ(disk.health, Health::kError);
  EXPECT_THAT(disk.found, AllOf(HasSubstr(state().string()), HasSubstr("Not a directory")));
  EXPECT_EQ(disk.remedy, "choose another folder with --state");
}

TEST_F(ExamineMachine, FolderOpenToOthers_IsAWarningWithTheRemedy) {
  ASSERT_TRUE(wire::create_state_folder(state()).ok());
  EXPECT_EQ(examine("state").health, Health::kOk);
  fs::permissions(state(), fs::perms::others_read, fs::perm_options::add);
  const Check check = examine("state");
  EXPECT_EQ(check.health, Health::kWarning);
  EXPECT_EQ(check.remedy, "chmod 700 " + state().string());
}

TEST_F(ExamineMachine, KeyReadableByOthers_IsAnErrorWithTheRemedy) {
  ASSERT_TRUE(wire::create_state_folder(state()).ok());
  EXPECT_EQ(examine("keys").found, "3 secret keys, each private");
  const Path key = wire::StateFolder(state()).secret("client");
  fs::permissions(key, fs::perms::group_read | fs::perms::others_read, fs::perm_options::add);
  const Check check = examine("keys");
  EXPECT_EQ(check.health, Health::kError);
  EXPECT_THAT(check.found, AllOf(HasSubstr(key.string()), HasSubstr("(mode 0644)")));
  EXPECT_EQ(check.remedy, "chmod 600 " + key.string());
}

TEST_F(ExamineMachine, PortOfTheLastStartTaken_IsAnErrorNamingIt) {
  const TakenPort taken;
  fs::create_directory(state());
  write(state() / "listen", format("tcp://127.0.0.1:{}\n", taken.number()));
  const Check check = examine("port");
  EXPECT_EQ(check.health, Health::kError);
  EXPECT_EQ(check.found, format("port {}: Address already in use", taken.number()));
  EXPECT_THAT(check.remedy, HasSubstr("coordinator start --listen"));
}

TEST_F(ExamineMachine, NoPortYet_AnyWillDo) {
  const Check check = examine("port");
  EXPECT_EQ(check.health, Health::kOk);
  EXPECT_EQ(check.found, "local ports can be bound");
}

}  // namespace
}  // namespace tagalign::cli
