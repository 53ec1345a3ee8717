#include "base/time_span.h"
#include "coordinator/cli/convert/pool_spec.h"
#include "tests/support/sample_pools.h"
#include "tests/unit/cli/fake_host.h"

namespace tagalign::cli {
namespace {

using ::testing::HasSubstr;
using wire::ClientRequest;

TEST(Span, EverySpelling_IsReadAndWritten) {
  EXPECT_EQ(*parse_span("--time", "8h"), 28'800'000);
  EXPECT_EQ(*parse_span("--time", "1h30m"), 5'400'000);
  EXPECT_EQ(*parse_span("--time", "1-02:03:04"), 93'784'000);
  EXPECT_EQ(*parse_span("--time", "00:00:05"), 5'000);
  for (const char* bad : {"", "8", "h", "8x", "30m1h", "0s", "-1h", "1:2", "1h ", "9999999999h"}) {
    EXPECT_FALSE(parse_span("--time", bad).ok()) << bad;
  }
  EXPECT_EQ(format_span(93'784'000), "1d2h3m4s");
}

TEST_F(CommandLine, PoolAddSlurm_AsksForWhatWasWritten) {
  coordinator.answer = [](const ClientRequest&) -> Answer { return wire::sample_pools(); };
  EXPECT_EQ(run({"pool",
                 "add",
                 "slurm",
                 "--name",
                 "a100",
                 "--partition",
                 "gpu",
                 "--nodes",
                 "2",
                 "--gpus-per-node",
                 "4",
                 "--time",
                 "8h",
                 "--backlog",
                 "1",
                 "--max",
                 "4",
                 "--idle",
                 "2m",
                 "--sbatch-arg=--qos=long",
                 "--sbatch-arg=--mem=0",
                 "--launcher",
                 "srun"}),
            0)
      << err.str();
  const auto& add = std::get<wire::PoolAddRequest>(coordinator.requests.at(0));
  const auto& slurm = std::get<wire::SlurmSource>(add.spec.source);
  EXPECT_EQ(add.spec.launcher, wire::GangLauncher::kSrun);
  EXPECT_EQ(slurm.time_limit_s, 28'800);
  EXPECT_EQ(slurm.idle_ms, 120'000);
  EXPECT_EQ(slurm.max, 4);
  EXPECT_EQ(slurm.sbatch_args, (std::vector<std::string>{"--qos=long", "--mem=0"}));
  EXPECT_THAT(err.str(), HasSubstr("note: the coordinator listens on 127.0.0.1"));
}

TEST_F(CommandLine, PoolAddSlurm_NonsenseTime_IsRefusedHere) {
  EXPECT_EQ(run({"pool", "add", "slurm", "--name", "a", "--time", "soon"}), 2);
  EXPECT_THAT(err.str(), HasSubstr("--time: expected a time such as 8h"));
  EXPECT_TRUE(coordinator.requests.empty());
}

TEST_F(CommandLine, PoolAddSsh_HostsHaveSlots) {
  coordinator.answer = [](const ClientRequest&) -> Answer { return wire::sample_pools(); };
  EXPECT_EQ(run({"pool", "add", "ssh", "desk1:2", "me@desk2", "--state", "/shared"}), 0);
  const auto& add = std::get<wire::PoolAddRequest>(coordinator.requests.at(0));
  const auto& ssh = std::get<wire::SshSource>(add.spec.source);
  EXPECT_EQ(ssh.hosts, (std::vector<wire::SshHost>{{"desk1", 2}, {"me@desk2", 0}}));
  EXPECT_EQ(ssh.state, "/shared");
  EXPECT_EQ(run({"pool", "add", "ssh", "desk1:many"}), 2);
  EXPECT_THAT(err.str(), HasSubstr("found 'desk1:many'"));
}

TEST_F(CommandLine, PoolListShowEvents_AreRead) {
  coordinator.answer = [](const ClientRequest&) -> Answer { return wire::sample_pools(); };
  EXPECT_EQ(run({"pool", "list"}), 0);
  EXPECT_THAT(out.str(), HasSubstr("2 nodes of 4 GPUs and 32 cores for 8h; 2 waiting, 4 at most"));
  EXPECT_EQ(run({"pool", "show", "a100"}), 0);
  EXPECT_THAT(out.str(), HasSubstr("tagalign-a100-3 (Slurm job 4711): running on n[1-2]"));
  EXPECT_EQ(run({"--output", "json", "pool", "events", "a100"}), 0);
  EXPECT_THAT(out.str(), HasSubstr("\"text\":\"added\""));
}

TEST_F(CommandLine, PoolRemove_GoneAtOnce_IsSaid) {
  coordinator.answer = [](const ClientRequest&) -> Answer { return wire::PoolsReply{}; };
  EXPECT_EQ(run({"pool", "remove", "a100"}), 0);
  EXPECT_THAT(out.str(), HasSubstr("removed"));
}

}  // namespace
}  // namespace tagalign::cli
