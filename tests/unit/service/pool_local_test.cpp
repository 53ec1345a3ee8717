#include "coordinator/service/pool_local_posix.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "base/process.h"

namespace tagalign::service {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

constexpr int kPatienceMs = 20'000;  // only a failing test waits that long

/// Runs a shell script as the agent: it notes its arguments and then stays, or leaves at once.
class LocalPoolTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "ta-pool-XXXXXX").string();
    state_ = mkdtemp(pattern.data());
    write_agent("exec sleep 1000");
  }
  void TearDown() override {
    for (const int pid : started_pids()) {
      ::kill(pid, SIGKILL);
      ::waitpid(pid, nullptr, 0);
    }
    fs::remove_all(state_);
  }
  void write_agent(const std::string& last_line) {
    const Path program = state_ / "agent.sh";
    std::ofstream(program) << "#!/bin/sh\necho \"$$ $*\" >> " << (state_ / "starts").string()
                           << "\n"
                           << last_line << "\n";
    fs::permissions(program, fs::perms::owner_all);
  }
  LocalPool make_pool() {
    return LocalPool({.state_folder = state_, .program = state_ / "agent.sh", .slots = 3}, clock_);
  }
  std::vector<std::string> starts() {
    std::ifstream file(state_ / "starts");
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    return lines;
  }
  std::vector<int> started_pids() {
    std::vector<int> pids;
    for (const std::string& line : starts()) pids.push_back(std::stoi(line));
    return pids;
  }
  void wait_for_starts(std::size_t count) {
    for (int waited = 0; waited < kPatienceMs && starts().size() < count; waited += 10) {
      system_clock().sleep_ms(10);
    }
    ASSERT_EQ(starts().size(), count);
  }
  void wait_until_gone(LocalPool& pool) {
    for (int waited = 0; waited < kPatienceMs && pool.alive() > 0; waited += 10) {
      system_clock().sleep_ms(10);
    }
    ASSERT_EQ(pool.alive(), 0);
  }

  Path state_;
  ManualClock clock_;
};

TEST_F(LocalPoolTest, Tick_NoAgent_StartsOneWithItsOptions) {
  LocalPool pool = make_pool();
  pool.tick();
  pool.tick();
  wait_for_starts(1);
  EXPECT_THAT(starts()[0], HasSubstr("--state " + state_.string() + " agent --id local --slots 3"));
  EXPECT_EQ(pool.alive(), 1);
}

TEST_F(LocalPoolTest, AgentKilled_IsStartedAgainAfterTheBackOff) {
  LocalPool pool = make_pool();
  pool.tick();
  wait_for_starts(1);
  ::kill(started_pids()[0], SIGKILL);
  wait_until_gone(pool);
  pool.tick();
  EXPECT_EQ(pool.alive(), 0) << "not before the back-off";
  clock_.advance_ms(LocalPool::kRestartMsMin);
  pool.tick();
  wait_for_starts(2);
  EXPECT_EQ(pool.alive(), 1);
}

TEST_F(LocalPoolTest, AgentLeavesAtOnce_BackOffGrows) {
  write_agent("exit 1");
  LocalPool pool = make_pool();
  pool.tick();
  wait_for_starts(1);
  wait_until_gone(pool);
  clock_.advance_ms(LocalPool::kRestartMsMin);
  pool.tick();
  wait_for_starts(2);
  wait_until_gone(pool);
  clock_.advance_ms(LocalPool::kRestartMsMin);
  pool.tick();
  EXPECT_EQ(pool.alive(), 0) << "the second wait is longer";
  clock_.advance_ms(LocalPool::kRestartMsMin);
  pool.tick();
  wait_for_starts(3);
}

TEST_F(LocalPoolTest, NextCoordinator_FindsTheAgentByItsPidFile) {
  LocalPool first = make_pool();
  first.tick();
  wait_for_starts(1);
  LocalPool second = make_pool();
  second.tick();
  EXPECT_EQ(second.alive(), 1);
  clock_.advance_ms(LocalPool::kRestartMsMax);
  second.tick();
  EXPECT_EQ(starts().size(), 1u);
}

TEST_F(LocalPoolTest, AgentThatStandsStill_IsKilledAndReplaced) {
  LocalPool pool = make_pool();
  pool.tick();
  wait_for_starts(1);
  const int pid = started_pids()[0];
  pool.on_hello({.agent = {"local"}, .host = host_name(), .pid = pid});
  ::kill(pid, SIGSTOP);
  clock_.advance_ms(LocalPool::kUnheardMs);
  pool.tick();
  EXPECT_EQ(pool.alive(), 1) << "nobody has missed a word of it";
  pool.on_silence({"local"});
  clock_.advance_ms(LocalPool::kUnheardMs - 1);
  pool.tick();
  EXPECT_EQ(pool.alive(), 1) << "it may come back";
  clock_.advance_ms(1);
  pool.tick();
  wait_until_gone(pool);
  clock_.advance_ms(LocalPool::kRestartMsMax);
  pool.tick();
  wait_for_starts(2);
}

TEST_F(LocalPoolTest, AgentThatComesBack_IsLeftAlone) {
  LocalPool pool = make_pool();
  pool.tick();
  wait_for_starts(1);
  const wire::AgentHello hello{.agent = {"local"}, .host = host_name(), .pid = started_pids()[0]};
  pool.on_hello(hello);
  pool.on_silence({"local"});
  clock_.advance_ms(LocalPool::kUnheardMs - 1);
  pool.on_hello(hello);
  clock_.advance_ms(1);
  pool.tick();
  EXPECT_EQ(pool.alive(), 1);
}

TEST_F(LocalPoolTest, AdoptedAgentThatNeverSpeaks_IsKilled) {
  LocalPool first = make_pool();
  first.tick();
  wait_for_starts(1);
  LocalPool second = make_pool();
  ::kill(started_pids()[0], SIGSTOP);
  clock_.advance_ms(LocalPool::kUnheardMs);
  second.tick();
  wait_until_gone(second);
}

TEST_F(LocalPoolTest, Stopped_DeadAgent_IsNotStartedAgain) {
  LocalPool pool = make_pool();
  pool.tick();
  wait_for_starts(1);
  pool.stop();
  ::kill(started_pids()[0], SIGKILL);
  wait_until_gone(pool);
  clock_.advance_ms(LocalPool::kRestartMsMax);
  pool.tick();
  EXPECT_EQ(pool.alive(), 0);
}

TEST_F(LocalPoolTest, HelloOfAnUnknownAgent_IsAdoptedWhenTheSecondLeaves) {
  LocalPool earlier = make_pool();
  earlier.tick();
  wait_for_starts(1);
  fs::remove(state_ / "agents" / "local" /
             "agent.pid");  // as if the coordinator died before writing it
  write_agent("exit 2");    // the folder is locked
  LocalPool pool = make_pool();
  pool.tick();
  wait_for_starts(2);
  pool.on_hello({.agent = {"local"}, .host = host_name(), .pid = started_pids()[0]});
  clock_.advance_ms(LocalPool::kRestartMsMax);
  for (int waited = 0; waited < kPatienceMs; waited += 10) {
    pool.tick();
    if (fs::exists(state_ / "agents" / "local" / "agent.pid") &&
        wire::read_live_process(state_ / "agents" / "local" / "agent.pid")) {
      break;
    }
    system_clock().sleep_ms(10);
  }
  EXPECT_EQ(pool.alive(), 1);
  EXPECT_EQ(wire::read_live_process(state_ / "agents" / "local" / "agent.pid")->pid,
            started_pids()[0]);
  EXPECT_EQ(starts().size(), 2u);
}

TEST_F(LocalPoolTest, ProgramMissing_IsTriedAgainLater) {
  fs::remove(state_ / "agent.sh");
  LocalPool pool = make_pool();
  pool.tick();
  EXPECT_EQ(pool.alive(), 0);
  write_agent("exec sleep 1000");
  clock_.advance_ms(LocalPool::kRestartMsMax);
  pool.tick();
  wait_for_starts(1);
}

}  // namespace
}  // namespace tagalign::service
