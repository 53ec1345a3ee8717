// The fixture itself: do the hosts differ, and is a cut a cut?
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/format.h"
#include "tests/lab/host_network.h"
#include "tests/unit/agent/temporary_folder.h"

namespace tagalign::lab {
namespace {

class HostNetworkTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const Status available = HostNetwork::available();
    if (!available.ok()) GTEST_SKIP() << available.message();
    auto started = HostNetwork::start(folder_.path(), 3);
    ASSERT_TRUE(started.ok()) << started.status().message();
    network_ = std::move(started).value();
  }

  std::string say(int host, const std::string& script) {
    const auto output = network_->host(host).run({"sh", "-c", script}, 5'000);
    return output.ok() ? output->output : output.status().message();
  }

  /// Nobody listens there, so that a host that is reached refuses at once.
  bool reaches(int from, int to) {
    const auto output = network_->host(from).run(
        {"bash", "-c", format("</dev/tcp/{}/9", HostNetwork::name(to))}, 500);
    return output.ok() && output->output.find("refused") != std::string::npos;
  }

  /// An address that could not be resolved is asked for again after a second.
  bool reaches_again(int from, int to) {
    for (int i = 0; i < 10; ++i) {
      if (reaches(from, to)) return true;
    }
    return false;
  }

  tagalign::testing::TemporaryFolder folder_;
  std::unique_ptr<HostNetwork> network_;
};

TEST_F(HostNetworkTest, Hosts_HaveNamesAddressesAndProcessesOfTheirOwn) {
  EXPECT_EQ(say(1, "hostname"), "h1\n");
  EXPECT_EQ(say(3, "hostname"), "h3\n");
  EXPECT_NE(host_name(), "h3");
  EXPECT_THAT(say(2, "ip -brief address show eth0"), ::testing::HasSubstr("10.77.0.2/24"));
  EXPECT_EQ(say(2, "set -- /proc/[0-9]*; echo $#"), "4\n") << "sh, sleep; timeout, sh";
  for (int from = 1; from <= 3; ++from) {
    for (int to = 1; to <= 3; ++to) EXPECT_TRUE(reaches(from, to)) << from << " to " << to;
  }
}

TEST_F(HostNetworkTest, CutHost_ReachesNobodyUntilItIsHealed) {
  ASSERT_TRUE(network_->cut(2).ok());
  EXPECT_FALSE(reaches(1, 2));
  EXPECT_FALSE(reaches(2, 3));
  EXPECT_TRUE(reaches(1, 3));
  ASSERT_TRUE(network_->heal(2).ok());
  EXPECT_TRUE(reaches_again(1, 2));
  EXPECT_TRUE(reaches_again(2, 3));
}

TEST_F(HostNetworkTest, CutBetweenTwo_LeavesTheThirdReachable) {
  ASSERT_TRUE(reaches(1, 2));
  ASSERT_TRUE(network_->cut_between(1, 2).ok());
  EXPECT_FALSE(reaches(1, 2));
  EXPECT_FALSE(reaches(2, 1));
  EXPECT_TRUE(reaches(1, 3));
  EXPECT_TRUE(reaches(3, 2));
  ASSERT_TRUE(network_->heal_between(1, 2).ok());
  EXPECT_TRUE(reaches_again(1, 2));
}

TEST_F(HostNetworkTest, KilledHost_LosesItsProcessesAndTheOthersDoNot) {
  const auto lost = network_->host(1).start_process({.command = {"sleep", "1000"}});
  const auto kept = network_->host(2).start_process({.command = {"sleep", "1000"}});
  ASSERT_TRUE(lost.ok() && kept.ok());
  network_->kill_host(1);
  ASSERT_TRUE(wait_for_exit(*lost, 2'000));
  EXPECT_FALSE(wait_for_exit(*kept, 100));
  EXPECT_FALSE(network_->host(1).start_process({.command = {"true"}}).ok());
  EXPECT_TRUE(reaches(2, 3));
}

TEST_F(HostNetworkTest, SignalToTheProgram_EndsWhatWasStartedWithIt) {
  const auto started = network_->host(1).start_process({.command = {"sleep", "1000"}});
  ASSERT_TRUE(started.ok());
  Result<pid_t> program = not_found("none yet");
  for (int i = 0; i < 100 && !program.ok(); ++i) {
    program = pid_inside(*started);
    system_clock().sleep_ms(10);
  }
  ASSERT_TRUE(program.ok());
  ASSERT_EQ(::kill(*program, SIGTERM), 0);
  const auto exit = wait_for_exit(*started, 2'000);
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->signal, SIGTERM) << exit->to_string();
}

TEST_F(HostNetworkTest, DelayOnOneHost_SlowsItsConnections) {
  constexpr int kDelayMs = 200;
  ASSERT_TRUE(network_->set_quality(1, {.delay_ms = kDelayMs}).ok());
  EXPECT_TRUE(reaches_again(2, 1)) << "the address is resolved";
  const MonotonicMs begin_ms = system_clock().monotonic_ms();
  EXPECT_TRUE(reaches(2, 1));
  EXPECT_GE(system_clock().monotonic_ms() - begin_ms, kDelayMs);
  ASSERT_TRUE(network_->set_quality(1, {}).ok());
  EXPECT_TRUE(reaches_again(2, 1));
  ASSERT_TRUE(network_->set_quality(1, {.loss_percent = 100}).ok());
  EXPECT_FALSE(reaches(2, 1));
}

/// A test that crashes runs no destructor.
TEST(ContainerTest, KilledOwner_TakesTheWholeContainerWithIt) {
  const Status available = Container::available();
  if (!available.ok()) GTEST_SKIP() << available.message();
  const tagalign::testing::TemporaryFolder folder;
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t owner = ::fork();
  if (owner == 0) {
    auto container = Container::start({.folder = folder.path()});
    const auto started = container->start_process({.command = {"setsid", "sleep", "1000"}});
    const pid_t first = started.ok() ? container->first_process() : 0;
    (void)!::write(ends[1], &first, sizeof first);
    ::raise(SIGKILL);
  }
  pid_t first = 0;
  ASSERT_EQ(::read(ends[0], &first, sizeof first), ssize_t{sizeof first});
  ASSERT_GT(first, 0);
  ASSERT_TRUE(wait_for_exit(owner, 5'000));
  bool lives = true;
  for (int i = 0; i < 200 && lives; ++i) {
    lives = process_start_ticks(first).has_value();
    system_clock().sleep_ms(10);
  }
  EXPECT_FALSE(lives);
}

}  // namespace
}  // namespace tagalign::lab
