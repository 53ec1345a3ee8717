#include "coordinator/service/answers/node_answers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tagalign::service {
namespace {

TEST(NodeAnswers, DrainedAgent_SaysWhyAndWhenItIsTriedAgain) {
  core::State state;
  for (const char* name : {"bad", "good"}) {
    const AgentId id{name};
    state.agents[id] = {.id = id, .host = "h", .slots = 4, .connected = true};
  }
  state.health[{"bad"}] = {.deaths = 3, .last = "no GPU answers", .drains = 1, .probe_ms = 300'000};
  const auto summaries = agent_summaries(state, Telemetry(), 180'000);
  ASSERT_EQ(summaries.size(), 2u);
  EXPECT_EQ(summaries[0].state, "drained");
  EXPECT_EQ(summaries[0].note,
            "drained: 3 attempts in a row died there, the last of: no GPU answers; one is tried "
            "there in 2 min 0 s");
  EXPECT_EQ(summaries[1].state + summaries[1].note, "connected");
}

}  // namespace
}  // namespace tagalign::service
