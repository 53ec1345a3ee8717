// What people ask of several jobs at once, through the service.
#include "tests/unit/service/service_fixture.h"

namespace tagalign::service {
namespace {

using ::testing::ElementsAre;

class JobChanges : public ServiceTest {
 protected:
  /// Jobs 1, 2 (train-a, train-b) of `early`, 3, 4 of `late`.
  void submit_two() {
    for (const std::string name : {"early", "late"}) {
      WorkflowSpec workflow = one_job_workflow();
      workflow.name = name;
      workflow.jobs.front().name = "train-a";
      workflow.jobs.push_back(workflow.jobs.front());
      workflow.jobs.back().name = "train-b";
      request(SubmitRequest{"token " + name, workflow});
    }
  }
  std::vector<std::uint64_t> changed(std::vector<std::string> selectors,
                                     JobVerb verb = JobVerb::kHold) {
    std::vector<std::uint64_t> ids;
    const auto reply = request(JobsChangeRequest{std::move(selectors), verb, {}, {}, {}});
    for (const ChangedJob& job : std::get<JobsChangeReply>(reply).jobs)
      ids.push_back(job.job.value);
    return ids;
  }
  ErrorReply refusal(const JobsChangeRequest& message) {
    return std::get<ErrorReply>(request(message));
  }
};

TEST_F(JobChanges, Selectors_StandForJobs) {
  submit_two();
  EXPECT_THAT(changed({"2"}), ElementsAre(2));
  EXPECT_THAT(changed({"3-9", "1"}), ElementsAre(1, 3, 4));
  EXPECT_THAT(changed({"train-a"}), ElementsAre(3)) << "the newest of that name";
  EXPECT_THAT(changed({"early/*"}), ElementsAre(1, 2));
  EXPECT_THAT(changed({"late/*-b", "late/train-b"}), ElementsAre(4));
  EXPECT_THAT(changed({"failed"}), IsEmpty());
  EXPECT_THAT(changed({"2"}, JobVerb::kCancel), ElementsAre(2));
  EXPECT_THAT(changed({"all"}), ElementsAre(1, 3, 4));
  EXPECT_THAT(changed({"failed"}, JobVerb::kRequeue), ElementsAre(2));
}

TEST_F(JobChanges, OneSelectorThatStandsForNothing_ChangesNothing) {
  submit_two();
  for (const std::string nothing : {"5-9", "early/x*", "nobody/*", "77", "x"}) {
    const auto error = refusal({{"1", nothing}, JobVerb::kCancel, {}, {}, {}});
    EXPECT_EQ(error.code, "not-found") << nothing;
    EXPECT_THAT(error.message, HasSubstr(nothing));
  }
  EXPECT_EQ(std::get<JobReply>(request(JobRequest{JobId{1}})).summary.state, "queued");
}

TEST_F(JobChanges, WhatMakesNoSense_IsRefused) {
  EXPECT_THAT(refusal({{}, JobVerb::kHold, {}, {}, {}}).message, HasSubstr("at least one job"));
  EXPECT_THAT(refusal({{"all"}, JobVerb::kSet, {}, {}, {}}).message, HasSubstr("nothing to set"));
  EXPECT_THAT(refusal({{"all"}, JobVerb::kSet, {}, 1001, {}}).message, HasSubstr("-1000 to 1000"));
  EXPECT_THAT(refusal({{"all"}, JobVerb::kSet, {}, {}, -1}).message, HasSubstr("time limit"));
}

TEST_F(JobChanges, EffectsAndSummaries_SayWhatBecameOfEach) {
  submit_two();
  const auto effect = [&](const JobsChangeRequest& message) {
    return std::get<JobsChangeReply>(request(message)).jobs.at(0).effect;
  };
  EXPECT_EQ(effect({{"1"}, JobVerb::kHold, "a look", {}, {}}), "held");
  const auto held = std::get<JobReply>(request(JobRequest{JobId{1}})).summary;
  EXPECT_TRUE(held.held);
  EXPECT_THAT(held.reason, HasSubstr("held: a look"));
  EXPECT_EQ(effect({{"1"}, JobVerb::kRelease, {}, {}, {}}), "may start");
  EXPECT_EQ(effect({{"1"}, JobVerb::kSet, {}, 7, 5400}), "priority 7, time limit 1 h 30 min");
  EXPECT_EQ(std::get<JobReply>(request(JobRequest{JobId{1}})).summary.priority, 7);
  orders_after(hello());
  EXPECT_EQ(effect({{"1"}, JobVerb::kRequeue, {}, {}, {}}),
            "saves and leaves, then is queued again");
  EXPECT_EQ(effect({{"1"}, JobVerb::kCancel, {}, {}, {}}), "saves and leaves, then is cancelled");
  EXPECT_EQ(effect({{"2"}, JobVerb::kHold, {}, {}, {}}), "saves and leaves, then is held");
  EXPECT_EQ(effect({{"3"}, JobVerb::kCancel, "no more", {}, {}}),
            "saves and leaves, then is cancelled");
}

}  // namespace
}  // namespace tagalign::service
