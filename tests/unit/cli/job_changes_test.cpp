// tagalign job cancel|hold|release|requeue|set.
#include <nlohmann/json.hpp>
#include <optional>

#include "tests/unit/cli/fake_host.h"

namespace tagalign::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using wire::ClientRequest;

TEST_F(CommandLine, JobCancel_SaysWhatBecomesOfEach) {
  coordinator.answer = [&](const ClientRequest& request) -> Answer {
    const auto& change = std::get<wire::JobsChangeRequest>(request);
    EXPECT_THAT(change.selectors, ElementsAre("clip", "5-9"));
    EXPECT_EQ(change.verb, wire::JobVerb::kCancel);
    EXPECT_EQ(change.reason, "wrong data");
    return wire::JobsChangeReply{
        {{{4}, "demo", "clip", "saving", "saves and leaves, then is cancelled"}}};
  };
  EXPECT_EQ(run({"job", "cancel", "clip", "5-9", "--reason", "wrong data"}), 0);
  EXPECT_EQ(out.str(),
            "ID  WORKFLOW  NAME  STATE   EFFECT\n"
            " 4  demo      clip  saving  saves and leaves, then is cancelled\n");
}

TEST_F(CommandLine, JobSet_TakesAPriorityAndATime) {
  coordinator.answer = [&](const ClientRequest&) -> Answer { return wire::JobsChangeReply{}; };
  EXPECT_EQ(run({"job", "set", "demo/*", "--priority", "-3", "--time-limit", "1h30m"}), 0);
  EXPECT_EQ(out.str(), "no job is of that kind\n");
  EXPECT_EQ(run({"job", "set", "7", "--time-limit", "none"}), 0);
  ASSERT_EQ(coordinator.requests.size(), 2u);
  const auto& both = std::get<wire::JobsChangeRequest>(coordinator.requests[0]);
  EXPECT_EQ(both.priority, -3);
  EXPECT_EQ(both.time_limit_s, 5400);
  const auto& none = std::get<wire::JobsChangeRequest>(coordinator.requests[1]);
  EXPECT_EQ(none.priority, std::nullopt);
  EXPECT_EQ(none.time_limit_s, 0);
}

TEST_F(CommandLine, JobSet_RefusesWhatIsNoTimeOrPriority) {
  EXPECT_EQ(run({"job", "set", "7", "--time-limit", "90"}), 2);
  EXPECT_THAT(err.str(), HasSubstr("--time-limit: expected a time such as 8h"));
  EXPECT_EQ(run({"job", "set", "7", "--priority", "1001"}), 2);
  EXPECT_EQ(run({"job", "hold"}), 2);
  EXPECT_TRUE(coordinator.requests.empty());
}

TEST_F(CommandLine, Goodput_AddsUp) {
  coordinator.answer = [&](const ClientRequest& request) -> Answer {
    EXPECT_EQ(std::get<wire::GoodputRequest>(request).name, "demo");
    return wire::GoodputReply{{{.job = {1},
                                .workflow = "demo",
                                .name = "clip",
                                .state = "succeeded",
                                .attempts = 2,
                                .waited = 500,
                                .starting = 500,
                                .loading = 300,
                                .training = 6'000,
                                .evaluating = 500,
                                .saving = 200,
                                .untold = 500,
                                .lost = 1'500,
                                .hung = 500},
                               {.job = {2}, .workflow = "demo", .name = "fit", .state = "queued"}}};
  };
  EXPECT_EQ(run({"--output", "json", "goodput", "demo"}), 0);
  const auto rows = nlohmann::json::parse(out.str());
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].at("useful_percent"), 70.0);
  EXPECT_EQ(rows[1].at("useful_percent"), nullptr);
  EXPECT_EQ(rows[2].at("name"), "all");
  EXPECT_EQ(rows[2].at("lost_ms"), 1'500);
  EXPECT_EQ(rows[2].at("id"), nullptr);
}

}  // namespace
}  // namespace tagalign::cli
