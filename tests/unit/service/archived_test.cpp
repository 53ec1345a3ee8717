/// What people are told of workflows that were archived.
#include "tests/unit/service/service_fixture.h"

namespace tagalign::service {
namespace {

class Archived : public ServiceTest {
 protected:
  void SetUp() override {
    policy_.ended_jobs_kept = 0;
    restart();
  }

  /// Workflow "demo" reports a result, ends, and is archived.
  void archive_demo() {
    start_job();
    orders_after(events(2, {ResultReported{{1}, {1}, result_}, succeeded()}));
    clock_.advance_ms(policy_.archive_after_ms);
    step();
    ASSERT_THAT(service_->state().jobs, IsEmpty());
  }
  static AttemptEnded succeeded() {
    AttemptEnded ended;
    ended.job = {1};
    ended.attempt = {1};
    ended.outcome = Outcome::kSucceeded;
    return ended;
  }
  std::vector<ResultRow> results(const std::string& name) {
    return std::get<ResultsReply>(request(ResultsRequest{name})).rows;
  }

  EvaluationResult result_{.key = "k1", .method = "tagalign", .dataset = "scenes", .images = 3};
};

TEST_F(Archived, Results_AreStillFoundByWorkflowAndAmongAll) {
  archive_demo();
  restart();
  for (const std::string name : {"demo", ""}) {
    const auto rows = results(name);
    ASSERT_THAT(rows, SizeIs(1)) << name;
    EXPECT_EQ(rows[0].job, JobId{1});
    EXPECT_EQ(rows[0].result, result_);
  }
}

TEST_F(Archived, RepeatedSubmission_IsAnsweredWithTheSameWorkflow) {
  archive_demo();
  const auto again = std::get<SubmitReply>(request(SubmitRequest{"t1", one_job_workflow()}));
  EXPECT_EQ(again.workflow, WorkflowId{1});
  EXPECT_THAT(again.jobs, IsEmpty());
  EXPECT_THAT(service_->state().jobs, IsEmpty()) << "and nothing is run again";
}

TEST_F(Archived, NewerWorkflowOfThatName_GoesBefore) {
  archive_demo();
  request(SubmitRequest{"t2", one_job_workflow()});
  EXPECT_THAT(results("demo"), IsEmpty());
  EXPECT_THAT(results(""), SizeIs(1));
}

TEST_F(Archived, Names_AreRefusedWithWhereToLook) {
  archive_demo();
  for (const std::string name : {"demo", "1"}) {
    const auto reply = request(JobRequest{{name}});
    const auto* refused = std::get_if<ErrorReply>(&reply);
    ASSERT_NE(refused, nullptr) << name;
    EXPECT_THAT(refused->message, HasSubstr("was archived")) << name;
    EXPECT_THAT(refused->message, HasSubstr("tagalign coordinator export")) << name;
  }
  EXPECT_EQ(std::get<StatusReply>(request(StatusRequest{})).jobs_by_state.at("archived"), 1);
}

}  // namespace
}  // namespace tagalign::service
