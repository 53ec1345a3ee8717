#include "worker/agent/gangs/process_host.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <functional>

#include "base/clock.h"
#include "coordinator/wire/codec.h"
#include "tests/unit/agent/temporary_folder.h"

namespace tagalign::agent {
namespace {

using namespace wire;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int kLongMs = 20'000;

class ProcessHostTest : public ::testing::Test {
 protected:
  ProcessName start(const std::string& script) {
    return host_
        ->start({.command = {"/bin/sh", "-c", script},
                 .environment = {{"TAGALIGN_GANG", mark_ + "1-1."}},
                 .own_process_group = true})
        .value();
  }
  bool eventually(const std::function<bool()>& done) {
    const MonotonicMs begin_ms = system_clock().monotonic_ms();
    while (!done()) {
      if (system_clock().monotonic_ms() - begin_ms > kLongMs) return false;
      system_clock().sleep_ms(5);
    }
    return true;
  }

  tagalign::testing::TemporaryFolder folder_;
  const std::string mark_ = folder_.path().filename().string() + "-";
  std::unique_ptr<ProcessHost> host_ = make_process_host();
};

TEST_F(ProcessHostTest, Wait_WatchedProcessEnds_ReturnsItAtOnce) {
  const ProcessName process = start("sleep 0.1");
  host_->watch(process.pid);
  const MonotonicMs begin_ms = system_clock().monotonic_ms();
  EXPECT_THAT(host_->wait(kLongMs), ElementsAre(process.pid));
  EXPECT_LT(system_clock().monotonic_ms() - begin_ms, kLongMs / 2);
  EXPECT_TRUE(host_->reap(process.pid).has_value());
}

TEST_F(ProcessHostTest, Wait_AFrameArrives_ReturnsAtOnceEveryTime) {
  std::filesystem::permissions(folder_.path(), std::filesystem::perms::owner_all);
  const auto server = listen_ipc(folder_.path() / "s").value();
  const auto client = connect_ipc(folder_.path() / "s").value();
  const auto frame = make_frame(FromRank{RankBeat{JobId{1}, Attempt{1}, 0, 1, 2, "a"}});
  for (int round = 0; round < 20; ++round) {
    ASSERT_TRUE(client->send(frame).ok());
    std::optional<IncomingFrame> got;
    const MonotonicMs begin_ms = system_clock().monotonic_ms();
    while (!got && system_clock().monotonic_ms() - begin_ms < kLongMs) {
      host_->wake_on({server->wait_fd()});
      if (!server->ready()) host_->wait(kLongMs);
      got = server->receive(0).value();
    }
    ASSERT_TRUE(got.has_value()) << "round " << round;
    EXPECT_LT(system_clock().monotonic_ms() - begin_ms, kLongMs / 2) << "round " << round;
    ASSERT_TRUE(server->send(got->peer, make_frame(ToRank{RankAck{1}})).ok());
  }
}

TEST_F(ProcessHostTest, MarkedDescendants_LauncherEndedAlone_AreNone) {
  const ProcessName launcher = start("exit 0");
  ASSERT_TRUE(eventually([&] { return host_->reap(launcher.pid).has_value(); }));
  EXPECT_THAT(host_->marked_descendants(mark_), IsEmpty());
}

TEST_F(ProcessHostTest, MarkedDescendants_LauncherLeftAProcess_FindsItUntilItIsGone) {
  const ProcessName other = start("exec sleep 30");
  const ProcessName launcher = start("setsid sleep 30 & exit 0");
  ASSERT_TRUE(eventually([&] { return host_->reap(launcher.pid).has_value(); }));
  std::vector<int> left;  // the mark comes with the program, some time after the process
  EXPECT_TRUE(eventually([&] { return (left = host_->marked_descendants(mark_)).size() == 2; }));
  EXPECT_THAT(left, Contains(other.pid));
  for (const int pid : left) host_->signal_process(pid, SIGKILL);
  EXPECT_TRUE(eventually([&] { return host_->reap(other.pid).has_value(); }));
  EXPECT_TRUE(eventually([&] { return host_->marked_descendants(mark_).empty(); }));
}

}  // namespace
}  // namespace tagalign::agent
