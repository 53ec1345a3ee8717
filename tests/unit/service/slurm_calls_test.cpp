// The calls of Slurm's programs, with small shell scripts in their place.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>

#include "base/format.h"
#include "coordinator/service/pools/backend_posix.h"
#include "tests/support/sample_pools.h"
#include "tests/unit/agent/temporary_folder.h"

namespace tagalign::service {
namespace {

using core::CallEnd;
using core::SlurmAnswered;
using ::testing::HasSubstr;
using ::testing::Not;

class SlurmCallsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    path_ = std::getenv("PATH");
    ::setenv("PATH", (folder_.path().string() + ":" + path_).c_str(), 1);
  }
  void TearDown() override { ::setenv("PATH", path_.c_str(), 1); }

  void fake(const std::string& name, const std::string& body) {
    const Path file = folder_.path() / name;
    std::ofstream(file) << "#!/bin/sh\n" << body << "\n";
    std::filesystem::permissions(file, std::filesystem::perms::owner_all);
  }
  std::string text_of(const Path& file) {
    std::stringstream text;
    text << std::ifstream(file).rdbuf();
    return text.str();
  }
  PoolNews wait_for_news() {
    for (int i = 0; i < 2'000; ++i) {
      auto news = pools_.news();
      if (!news.empty()) return news.front();
      system_clock().sleep_ms(5);
    }
    ADD_FAILURE() << "no news";
    return SlurmAnswered{};
  }
  SlurmAnswered call(core::SlurmCall what) {
    pools_.ask({++number_, std::move(what)});
    const auto answer = std::get<SlurmAnswered>(wait_for_news());
    EXPECT_EQ(answer.call, number_);
    return answer;
  }

  testing::TemporaryFolder folder_;
  std::string path_;
  std::uint64_t number_ = 0;
  PosixPoolBackend pools_{{folder_.path() / "state", "/opt/tagalign", "tagalign 01"},
                          system_clock()};
};

TEST_F(SlurmCallsTest, Sbatch_GetsNameMarkAndScript) {
  fake("sbatch", "echo \"$@\" > \"$(dirname \"$0\")/called\"; echo '4711;box'");
  const SlurmAnswered answer = call(core::SubmitCall{wire::sample_pool(), "3"});
  EXPECT_EQ(answer.end, CallEnd::kAnswered);
  EXPECT_EQ(answer.number, "4711");
  const std::string called = text_of(folder_.path() / "called");
  EXPECT_THAT(called, HasSubstr("--job-name=tagalign-a100-3"));
  EXPECT_THAT(called, HasSubstr("--comment=tagalign 01"));
  EXPECT_THAT(called, HasSubstr("--signal=B:USR1@240"));
  EXPECT_THAT(called, HasSubstr("--requeue"));
  const std::string script = text_of(folder_.path() / "state/pools/a100.sbatch");
  EXPECT_THAT(script, HasSubstr("'/opt/tagalign' --state"));
  EXPECT_THAT(script, HasSubstr("agent --pool a100 --launcher srun &"));
}

TEST_F(SlurmCallsTest, Squeue_OnlyRowsOfPoolsCount) {
  fake("squeue",
       "echo '1|tagalign-a-1|RUNNING|0|1795732875|n1|tagalign 01|None|'\n"
       "echo '2|tagalign-a-2|PENDING|0|N/A||tagalign 02|Priority|'\n"
       "echo '3|other|PENDING|0|N/A||(null)|Priority|'");
  const SlurmAnswered answer = call(core::QueueCall{});
  ASSERT_EQ(answer.queue.size(), 2u);
  EXPECT_TRUE(answer.complete);
  EXPECT_TRUE(answer.queue[0].ours);
  EXPECT_EQ(answer.queue[0].ends_ms, 1795732875'000);
  EXPECT_FALSE(answer.queue[1].ours) << "another coordinator's";
}

TEST_F(SlurmCallsTest, Failures_AreToldApart) {
  fake("sbatch", "echo 'sbatch: error: invalid partition specified: nope' >&2; exit 1");
  EXPECT_EQ(call(core::SubmitCall{wire::sample_pool(), "3"}).end, CallEnd::kRefused);
  fake("sbatch", "echo 'sbatch: error: Socket timed out on send/recv operation' >&2; exit 1");
  EXPECT_EQ(call(core::SubmitCall{wire::sample_pool(), "3"}).end, CallEnd::kNoAnswer);
  fake("sbatch", "printf 47");
  const SlurmAnswered half = call(core::SubmitCall{wire::sample_pool(), "3"});
  EXPECT_EQ(half.number, "");
  EXPECT_THAT(half.message, HasSubstr("end of the line"));
  fake("squeue", "printf '1|tagalign-a'");
  EXPECT_FALSE(call(core::QueueCall{}).complete);
  fake("squeue", "kill -9 $$");
  EXPECT_EQ(call(core::QueueCall{}).end, CallEnd::kNoAnswer);
}

/// Field cases slurm-sbatch-banner and slurm-squeue-foreign-rows, as the coordinator meets them.
TEST_F(SlurmCallsTest, LinesOfTheSite_HideNoAnswer) {
  fake("sbatch",
       "echo 'sbatch: no partition specified, using default partition main'; echo 7787232");
  EXPECT_EQ(call(core::SubmitCall{wire::sample_pool(), "3"}).number, "7787232");
  fake("squeue",
       "echo 'CLUSTER: c1'\n"
       "echo '1|tagalign-a-1|RUNNING|0|1795732875|n1|tagalign 01|None|'");
  const SlurmAnswered queue = call(core::QueueCall{});
  EXPECT_TRUE(queue.complete) << queue.message;
  EXPECT_EQ(queue.queue.size(), 1u);
  fake("sacct", "echo '9|FAILED|1:0|Unknown'; echo '9.batch|FAILED|1:0|00:00:01'");
  const SlurmAnswered accounting = call(core::AccountingCall{{"9"}});
  ASSERT_EQ(accounting.accounting.size(), 1u);
  EXPECT_EQ(accounting.accounting[0].state, "FAILED");
}

/// A coordinator that runs inside a job of Slurm, of a user who has a default for squeue.
TEST_F(SlurmCallsTest, SettingsOfAnotherJob_DoNotReachTheCalls) {
  const std::map<std::string, std::string> inherited = {
      {"SQUEUE_STATES", "RUNNING"},  {"SLURM_CPUS_PER_TASK", "1"}, {"SLURM_MEM_PER_NODE", "100"},
      {"OMPI_COMM_WORLD_RANK", "0"}, {"SBATCH_WAIT", "1"},         {"SBATCH_ACCOUNT", "mine"},
      {"SLURM_CONF", "/c"}};
  for (const auto& [name, value] : inherited) ::setenv(name.c_str(), value.c_str(), 1);
  fake("squeue", "env > \"$(dirname \"$0\")/seen\"");
  (void)call(core::QueueCall{});
  for (const auto& [name, value] : inherited) ::unsetenv(name.c_str());
  const std::string seen = text_of(folder_.path() / "seen");
  EXPECT_THAT(seen, HasSubstr("SBATCH_ACCOUNT=mine"));
  EXPECT_THAT(seen, HasSubstr("SLURM_CONF=/c"));
  for (const char* name : {"SQUEUE_STATES", "SLURM_CPUS_PER_TASK", "SLURM_MEM_PER_NODE",
                           "OMPI_COMM_WORLD_RANK", "SBATCH_WAIT"})
    EXPECT_THAT(seen, Not(HasSubstr(name))) << name;
}

TEST_F(SlurmCallsTest, NoSuchProgram_IsARefusal) {
  ::setenv("PATH", folder_.path().c_str(), 1);
  const SlurmAnswered answer = call(core::QueueCall{});
  EXPECT_EQ(answer.end, CallEnd::kRefused);
  EXPECT_THAT(answer.message, HasSubstr("squeue"));
}

TEST_F(SlurmCallsTest, Ssh_StartsTheAgentOnceAndTellsItsEnd) {
  fake("ssh", "echo \"$@\" >> \"$(dirname \"$0\")/called\"; sleep 0.3; exit 7");
  const wire::PoolSpec spec = wire::sample_ssh_pool();
  const auto& host = std::get<wire::SshSource>(spec.source).hosts.front();
  pools_.start({spec, host});
  pools_.start({spec, host});
  const auto ended = std::get<core::SshAgentEnded>(wait_for_news());
  EXPECT_EQ(ended.host, "desk1");
  EXPECT_THAT(ended.message, HasSubstr("exit code 7"));
  EXPECT_EQ(text_of(folder_.path() / "called"),
            "-o BatchMode=yes -o ServerAliveInterval=15 desk1 exec '/opt/bin/tagalign' --state "
            "'/shared/state' agent --pool lab --id 'lab-desk1' --launcher srun --slots 2\n");
}

}  // namespace
}  // namespace tagalign::service
