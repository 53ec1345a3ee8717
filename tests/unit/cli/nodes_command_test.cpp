#include "coordinator/cli/talk/patience.h"
#include "tests/unit/cli/fake_host.h"

namespace tagalign::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

wire::StatusReply one_agent() {
  wire::StatusReply status;
  wire::AgentSummary agent;
  agent.id = "n1-17";
  agent.host = "n1";
  agent.connected = true;
  agent.slots = 4;
  agent.slots_free = 1;
  agent.pool = "a100";
  agent.allocation = "17";
  agent.state = "connected";
  agent.running = {"train (ranks 0 to 2)"};
  status.agents.push_back(std::move(agent));
  return status;
}

TEST_F(CommandLine, Nodes_ShowsWhereAgentsAreAndWhatRunsThere) {
  coordinator.answer = [](const auto&) -> Answer { return one_agent(); };
  EXPECT_EQ(run({"nodes"}), 0);
  EXPECT_THAT(out.str(), AllOf(HasSubstr("n1-17"), HasSubstr("a100"), HasSubstr("ranks 0 to 2")));
}

TEST_F(CommandLine, Nodes_SaysWhyAnAgentGetsNoWork) {
  coordinator.answer = [](const auto&) -> Answer {
    wire::StatusReply status = one_agent();
    status.agents.front().state = "drained";
    status.agents.front().note = "drained: 3 attempts in a row died there";
    return status;
  };
  EXPECT_EQ(run({"nodes"}), 0);
  EXPECT_THAT(out.str(), AllOf(HasSubstr("NOTE"), HasSubstr("drained: 3 attempts in a row")));
}

TEST_F(CommandLine, NodesWithoutACoordinator_EndsAtOnce) {
  const UnixMs start = clock.unix_ms();
  EXPECT_EQ(run({"nodes"}), 4);
  EXPECT_EQ(clock.unix_ms(), start);
}

TEST_F(CommandLine, NodesWatch_OutlivesACoordinatorThatRestarts) {
  int calls = 0;
  coordinator.answer = [&](const auto&) -> Answer {
    ++calls;
    if (calls == 2 || calls > 3) return unavailable("gone");
    return one_agent();
  };
  const UnixMs start = clock.unix_ms();
  EXPECT_EQ(run({"nodes", "--watch"}), 4);
  EXPECT_THAT(err.str(), AllOf(HasSubstr("does not answer; asking again"),
                               HasSubstr("the coordinator answers again")));
  EXPECT_GE(clock.unix_ms() - start, kAwayMsMax);
}

}  // namespace
}  // namespace tagalign::cli
