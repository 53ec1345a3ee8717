#include "tests/unit/service/service_fixture.h"

namespace tagalign::service {
namespace {

TEST_F(ServiceTest, Submission_AgentThere_IsLaunchedAndItsResultReturned) {
  EXPECT_THAT(orders_after(hello()), IsEmpty());
  const auto reply = std::get<SubmitReply>(request(SubmitRequest{"t1", one_job_workflow()}));
  ASSERT_THAT(reply.jobs, SizeIs(1));
  const auto orders = socket_->take_orders(kAgent);
  ASSERT_THAT(orders, SizeIs(1));
  const auto& launch = std::get<Launch>(orders[0]);
  EXPECT_EQ(launch.job, JobId{1});
  EXPECT_EQ(launch.attempt, Attempt{1});
  EXPECT_EQ(launch.workspace, "/workspace");

  const EvaluationResult result{.key = "k", .method = "clip", .dataset = "scenes"};
  const auto acks =
      orders_after(events(1, {AttemptStarted{{1}, {1}, 99, 5}, ResultReported{{1}, {1}, result},
                              AttemptEnded{{1}, {1}, Outcome::kSucceeded, 0, -1, 3, "", 9}}));
  ASSERT_THAT(acks, SizeIs(1));
  EXPECT_EQ(std::get<AckEvents>(acks[0]).sequence, 3u);
  EXPECT_EQ(job_state(), "succeeded");
  const auto results = std::get<ResultsReply>(request(ResultsRequest{}));
  ASSERT_THAT(results.rows, SizeIs(1));
  EXPECT_EQ(results.rows[0].result.method, "clip");
}

TEST_F(ServiceTest, Submission_SameTokenTwiceInOneRound_IsOneWorkflow) {
  socket_->duplicate_next(1);
  socket_->put(kClient, SubmitRequest{"t1", one_job_workflow()});
  step();
  const auto replies = socket_->take_replies(kClient);
  ASSERT_THAT(replies, SizeIs(2));
  EXPECT_EQ(std::get<SubmitReply>(replies[0]).workflow, std::get<SubmitReply>(replies[1]).workflow);
  EXPECT_THAT(service_->state().workflows, SizeIs(1));
  EXPECT_EQ(store_.fact_count(), 1u);
}

TEST_F(ServiceTest, Submission_SameTokenAfterRestart_IsTheSameWorkflow) {
  request(SubmitRequest{"t1", one_job_workflow()});
  restart();
  const auto reply = std::get<SubmitReply>(request(SubmitRequest{"t1", one_job_workflow()}));
  EXPECT_EQ(reply.workflow, WorkflowId{1});
  EXPECT_THAT(service_->state().jobs, SizeIs(1));
}

TEST_F(ServiceTest, Submission_Invalid_IsRefusedAndNotStored) {
  WorkflowSpec bad = one_job_workflow();
  bad.jobs[0].after = {"nobody"};
  const auto reply = std::get<ErrorReply>(request(SubmitRequest{"t1", bad}));
  EXPECT_EQ(reply.code, "invalid-argument");
  EXPECT_THAT(reply.message, HasSubstr("nobody"));
  EXPECT_EQ(store_.fact_count(), 0u);
}

TEST_F(ServiceTest, Events_Repeated_AreAcknowledgedButStoredOnce) {
  start_job();
  const std::uint64_t stored = store_.fact_count();
  const auto acks = orders_after(events(1, {AttemptStarted{{1}, {1}, 99, 5}}));
  ASSERT_THAT(acks, SizeIs(1));
  EXPECT_EQ(std::get<AckEvents>(acks[0]).sequence, 1u);
  EXPECT_EQ(store_.fact_count(), stored);
}

TEST_F(ServiceTest, Events_WithAGap_AgentIsAskedWhereItStands) {
  start_job();
  const std::uint64_t stored = store_.fact_count();
  const auto orders = orders_after(events(5, {RankNotice{{1}, {1}, 0, "lost in between"}}));
  ASSERT_THAT(orders, SizeIs(1));
  EXPECT_TRUE(std::holds_alternative<SayHello>(orders[0]));
  EXPECT_EQ(store_.fact_count(), stored);
}

TEST_F(ServiceTest, Crash_WhileAJobRuns_NextCoordinatorTakesItOver) {
  start_job();
  restart();
  EXPECT_EQ(job_state(), "running");
  const auto first = orders_after(AgentHeartbeat{{"local"}, {}, {}});
  ASSERT_THAT(first, SizeIs(1));
  EXPECT_TRUE(std::holds_alternative<SayHello>(first[0]));
  EXPECT_THAT(orders_after(hello({{{1}, {1}}}, 2)), IsEmpty());  // nothing launched twice
  EXPECT_EQ(job_state(), "running");
  EXPECT_EQ(service_->state().jobs.at(JobId{1}).attempt, Attempt{1});
}

TEST_F(ServiceTest, Crash_BeforeTheLaunchWasSent_HelloBringsIt) {
  orders_after(hello({}, 5));
  request(SubmitRequest{"t1", one_job_workflow()});
  restart();
  AgentHello again = hello({}, 5);
  again.incarnation = "i2";
  const auto orders = orders_after(again);
  ASSERT_THAT(orders, SizeIs(1));
  EXPECT_EQ(std::get<Launch>(orders[0]).attempt, Attempt{1});
}

TEST_F(ServiceTest, AgentThatReportedNothing_ComesBackWithoutJournal_GetsAnotherAttempt) {
  orders_after(hello());
  request(SubmitRequest{"t1", one_job_workflow()});
  socket_->take_orders(kAgent);  // the launch, to which the first process may have listened
  AgentHello again = hello();
  again.incarnation = "i2";
  const auto orders = orders_after(again);
  ASSERT_THAT(orders, SizeIs(1));
  EXPECT_EQ(std::get<Launch>(orders[0]).attempt, Attempt{2}) << "the first may have run";
}

TEST_F(ServiceTest, HellosOfTwoProcesses_InOneRound_TheSecondHearsNothingMeantForTheFirst) {
  orders_after(hello());
  request(SubmitRequest{"t1", one_job_workflow()});
  AgentHello second = hello();
  second.incarnation = "i2";
  socket_->put(kAgent, FromAgent{hello()});  // the launch may have got lost: it would be repeated
  socket_->put("second-peer", FromAgent{second});
  step();
  const auto orders = socket_->take_orders("second-peer");
  ASSERT_THAT(orders, SizeIs(1));
  EXPECT_EQ(std::get<Launch>(orders[0]).attempt, Attempt{2});
}

TEST_F(ServiceTest, HelloOfAnEndedProcess_AfterItsSuccessors_IsIgnoredUntilThatIsSilent) {
  orders_after(hello({}, 5));
  AgentHello second = hello({}, 9);
  second.incarnation = "i2";
  socket_->put("second-peer", FromAgent{second});
  step();
  const auto incarnation = [&] { return service_->state().agents.at({"local"}).incarnation; };
  orders_after(hello({}, 5));
  EXPECT_EQ(incarnation(), "i2");
  clock_.advance_ms(limits::kAgentLostAfterMs);
  step();
  orders_after(hello({}, 5));
  EXPECT_EQ(incarnation(), "i1");
}

TEST_F(ServiceTest, Agent_Silent_IsDeclaredLostAndItsJobQueuedAgain) {
  start_job();
  clock_.advance_ms(limits::kAgentLostAfterMs - 1);
  step();
  EXPECT_EQ(job_state(), "running");
  clock_.advance_ms(1);
  step();
  EXPECT_EQ(job_state(), "queued");
  EXPECT_THAT(pool_.silent, testing::ElementsAre("local"));
  EXPECT_FALSE(service_->state().agents.at(AgentId{"local"}).connected);
}

TEST_F(ServiceTest, Results_OfARepeatedWorkflow_AreTheSameForBoth) {
  orders_after(hello());
  request(SubmitRequest{"t1", one_job_workflow()});
  request(SubmitRequest{"t2", one_job_workflow()});
  request(SubmitRequest{"t3", one_job_workflow()});
  const EvaluationResult result{.key = "k", .method = "clip", .dataset = "scenes"};
  orders_after(events(1, {ResultReported{{1}, {1}, result}, ResultReported{{2}, {1}, result}}));
  restart();
  const auto rows_of = [this](std::uint64_t workflow) {
    return std::get<ResultsReply>(request(ResultsRequest{std::to_string(workflow)})).rows;
  };
  EXPECT_THAT(rows_of(1), SizeIs(1));
  EXPECT_THAT(rows_of(2), SizeIs(1));
  EXPECT_THAT(rows_of(3), IsEmpty());
}

TEST_F(ServiceTest, Agent_SilentSinceTheRestart_IsDeclaredLost) {
  start_job();
  restart();
  clock_.advance_ms(limits::kAgentLostAfterMs);
  step();
  EXPECT_EQ(job_state(), "queued");
}

TEST_F(ServiceTest, Heartbeats_OfRanks_ShowInTheJob) {
  start_job();
  EXPECT_THAT(orders_after(AgentHeartbeat{{"local"},
                                          {RankHello{{1}, {1}, 0, 4242, "cpu"}},
                                          {RankBeat{{1}, {1}, 0, 30, 100, "train: loss 3"}}}),
              IsEmpty());
  const auto job = std::get<JobReply>(request(JobRequest{JobId{1}}));
  EXPECT_EQ(job.summary.state, "running");
  EXPECT_EQ(job.summary.step, 30u);
  EXPECT_EQ(job.summary.steps_total, 100u);
  EXPECT_EQ(job.summary.activity, "train: loss 3");
  ASSERT_THAT(job.attempts, SizeIs(1));
  const std::pair<int, int> rank_pid{0, 4242};
  EXPECT_THAT(job.attempts[0].rank_pids, ::testing::ElementsAre(rank_pid));
}

TEST_F(ServiceTest, Cancel_RunningJob_AgentIsAskedToStop) {
  start_job();
  EXPECT_EQ(std::get<CancelReply>(request(CancelRequest{JobId{1}})).state, "saving");
  const auto orders = socket_->take_orders(kAgent);
  ASSERT_THAT(orders, SizeIs(1));
  EXPECT_EQ(std::get<StopAttempt>(orders[0]).mode, StopMode::kSaveAndLeave);
}

TEST_F(ServiceTest, Requests_ForAnUnknownJob_AreNotFound) {
  for (const ClientRequest& message : std::vector<ClientRequest>{
           JobRequest{JobId{9}}, JobLogRequest{JobId{9}}, ExplainRequest{JobId{9}},
           CancelRequest{JobId{9}}, CheckpointsRequest{JobId{9}}}) {
    const auto reply = std::get<ErrorReply>(request(message));
    EXPECT_EQ(reply.code, "not-found");
    EXPECT_THAT(reply.message, HasSubstr("no job '9'"));
  }
}

TEST_F(ServiceTest, Explain_JobLargerThanEveryAgent_SaysWhatItNeeds) {
  orders_after(hello());
  request(SubmitRequest{"t1", one_job_workflow(64)});
  const auto reply = std::get<ExplainReply>(request(ExplainRequest{JobId{1}}));
  ASSERT_FALSE(reply.lines.empty());
  EXPECT_THAT(reply.lines.front(), HasSubstr("64"));
}

TEST_F(ServiceTest, Jobs_ByName_AreTheNewestOfThatName) {
  request(SubmitRequest{"t1", one_job_workflow()});
  request(SubmitRequest{"t2", one_job_workflow()});
  for (const std::string name : {"train", "2"}) {
    const auto reply = std::get<JobsReply>(request(JobsRequest{.name = name}));
    ASSERT_THAT(reply.jobs, SizeIs(1)) << name;
    EXPECT_EQ(reply.jobs[0].id, JobId{2});
  }
  const auto unknown = std::get<ErrorReply>(request(JobsRequest{.name = "tarin"}));
  EXPECT_EQ(unknown.code, "not-found");
  EXPECT_EQ(unknown.message,
            "there is no job 'tarin'; there are numbers 1 to 2 and the names train");
}

TEST_F(ServiceTest, AJobsName_IsTheNewestOfThatName_InEveryRequest) {
  request(SubmitRequest{"t1", one_job_workflow()});
  request(SubmitRequest{"t2", one_job_workflow()});
  EXPECT_EQ(std::get<JobReply>(request(JobRequest{JobRef("train")})).summary.id, JobId{2});
  const auto cancelled = std::get<CancelReply>(request(CancelRequest{JobRef("train")}));
  EXPECT_EQ(cancelled, (CancelReply{{2}, "train", "cancelled"}));
  EXPECT_EQ(std::get<JobReply>(request(JobRequest{JobId{1}})).summary.state, "queued");
  const auto unknown = std::get<ErrorReply>(request(CancelRequest{JobRef("tarin")}));
  EXPECT_THAT(unknown.message, HasSubstr("there is no job 'tarin'"));
}

TEST_F(ServiceTest, Jobs_ByNumbers_AreThose) {
  for (const std::string token : {"t1", "t2", "t3"}) {
    request(SubmitRequest{token, one_job_workflow()});
  }
  const auto reply = std::get<JobsReply>(request(JobsRequest{.jobs = {{3}, {1}, {9}, {3}}}));
  ASSERT_THAT(reply.jobs, SizeIs(2));
  EXPECT_EQ(reply.jobs[0].id, JobId{1});
  EXPECT_EQ(reply.jobs[1].id, JobId{3});
}

TEST_F(ServiceTest, Jobs_InPages_LeaveOutNothingAndCountWhatHasEnded) {
  for (const std::string token : {"t1", "t2", "t3"}) {
    request(SubmitRequest{token, one_job_workflow()});
  }
  request(CancelRequest{JobId{1}});
  const auto first = std::get<JobsReply>(request(JobsRequest{.active_only = true, .limit = 1}));
  ASSERT_THAT(first.jobs, SizeIs(1));
  EXPECT_EQ(first.jobs[0].id, JobId{2});
  EXPECT_EQ(first.ended_left_out, 1u);
  EXPECT_TRUE(first.more);
  const auto rest = std::get<JobsReply>(
      request(JobsRequest{.active_only = true, .after = first.jobs[0].id, .limit = 1}));
  ASSERT_THAT(rest.jobs, SizeIs(1));
  EXPECT_EQ(rest.jobs[0].id, JobId{3});
  EXPECT_FALSE(rest.more);
  const auto all = std::get<JobsReply>(request(JobsRequest{.after = JobId{1}, .limit = 1}));
  ASSERT_THAT(all.jobs, SizeIs(1));
  EXPECT_EQ(all.jobs[0].id, JobId{2});
  EXPECT_TRUE(all.more);
  EXPECT_FALSE(std::get<JobsReply>(request(JobsRequest{.after = JobId{2}, .limit = 1})).more);
  EXPECT_THAT(std::get<JobsReply>(request(JobsRequest{})).jobs, SizeIs(3));
}

TEST_F(ServiceTest, Submit_JobLargerThanEveryAgent_IsTakenWithANotice) {
  orders_after(hello());
  const auto reply = std::get<SubmitReply>(request(SubmitRequest{"t1", one_job_workflow(64)}));
  ASSERT_THAT(reply.notices, SizeIs(1));
  EXPECT_THAT(reply.notices[0],
              HasSubstr("job 'train' needs 64 ranks of 1 slot; the agents that are connected"));
}

TEST_F(ServiceTest, Jobs_QueuedOne_SaysWhyItWaits) {
  request(SubmitRequest{"t1", one_job_workflow()});
  const auto reply = std::get<JobsReply>(request(JobsRequest{}));
  ASSERT_THAT(reply.jobs, SizeIs(1));
  EXPECT_EQ(reply.jobs[0].state, "queued");
  EXPECT_THAT(reply.jobs[0].reason, HasSubstr("no agent is connected"));
}

TEST_F(ServiceTest, ClientKey_SendingAgentFrames_IsIgnored) {
  socket_->put(kClient, PeerRole::kClient, make_frame(FromAgent(hello())));
  step();
  EXPECT_THAT(service_->state().agents, IsEmpty());
  EXPECT_THAT(socket_->take_sent(kClient), IsEmpty());
}

TEST_F(ServiceTest, AgentKey_SendingRequests_IsRefused) {
  socket_->put(kAgent, PeerRole::kAgent,
               make_frame(ClientRequest(SubmitRequest{"t1", one_job_workflow()})));
  step();
  const auto replies = socket_->take_replies(kAgent);
  ASSERT_THAT(replies, SizeIs(1));
  EXPECT_EQ(std::get<ErrorReply>(replies[0]).code, "permission-denied");
  EXPECT_THAT(service_->state().workflows, IsEmpty());
}

TEST_F(ServiceTest, UndecodableRequest_IsAnsweredWithDataLoss) {
  socket_->put(kClient, PeerRole::kClient, Frame{FrameKind::kClientRequest, "nonsense"});
  step();
  EXPECT_EQ(std::get<ErrorReply>(socket_->take_replies(kClient).at(0)).code, "data-loss");
}

TEST_F(ServiceTest, Status_Asked_CountsJobsAndAgents) {
  start_job();
  const auto status = std::get<StatusReply>(request(StatusRequest{}));
  EXPECT_EQ(status.pid, 7);
  EXPECT_EQ(status.events, store_.fact_count());
  EXPECT_EQ(status.jobs_by_state.at("running"), 1);
  ASSERT_THAT(status.agents, SizeIs(1));
  EXPECT_EQ(status.agents[0].slots_free, 3);
  EXPECT_EQ(status.agents[0].pid, 4711);
}

/// Where a full disk ends a training, it is the last save that counts.
TEST_F(ServiceTest, Explain_TrainingEndedBehindItsLastSave_SaysWhatIsRepeated) {
  start_job();
  orders_after(
      events(2, {CheckpointCommitted{{1}, {1}, {.step = 4, .path = "/ck/4", .digest = "d4"}, {}},
                 AttemptEnded{{1}, {1}, Outcome::kFailed, 74, 0, 6, "disk full", 9}}));
  const auto reply = std::get<ExplainReply>(request(ExplainRequest{JobId{1}}));
  EXPECT_THAT(reply.lines, ::testing::Contains(HasSubstr("ended at step 6: disk full")));
  EXPECT_THAT(reply.lines,
              ::testing::Contains("the last saved step is 4; steps 5 to 6 are repeated when it "
                                  "goes on"));
}

TEST_F(ServiceTest, Stop_WhileAJobRuns_ItSavesAndWaitsForTheNextStart) {
  start_job();
  pool_.living = 1;
  EXPECT_EQ(std::get<StopReply>(request(StopRequest{})).message,
            "stopping: 1 gang saves, leaves, and goes on at the next start");
  EXPECT_TRUE(pool_.stopped);
  const auto orders = socket_->take_orders(kAgent);
  ASSERT_THAT(orders, SizeIs(1));
  EXPECT_TRUE(std::holds_alternative<AgentShutdown>(orders[0]));
  EXPECT_FALSE(service_->finished());
  orders_after(events(2, {AttemptEnded{{1}, {1}, Outcome::kSavedAndLeft, 75, -1, 3, "", 9}}));
  clock_.advance_ms(limits::kLaunchRetryMs + 1);
  step();
  EXPECT_THAT(socket_->take_orders(kAgent), IsEmpty()) << "nothing is launched while stopping";
  EXPECT_FALSE(service_->finished()) << "the agent still runs";
  pool_.living = 0;
  EXPECT_TRUE(service_->finished());

  restart();
  AgentHello next = hello({}, 3);
  next.incarnation = "i2";
  orders_after(next);
  clock_.advance_ms(limits::kLaunchRetryMs + 1);
  step();
  EXPECT_EQ(job_state(), "starting");
  EXPECT_EQ(service_->state().jobs.at(JobId{1}).attempt, Attempt{2});
}

TEST_F(ServiceTest, Stop_KillGangs_AttemptsAreKilled) {
  start_job();
  EXPECT_EQ(std::get<StopReply>(request(StopRequest{true})).message,
            "stopping: 1 gang is killed and goes on from the last checkpoint at the next start");
  const auto orders = socket_->take_orders(kAgent);
  ASSERT_THAT(orders, SizeIs(2));
  EXPECT_EQ(std::get<StopAttempt>(orders[0]).mode, StopMode::kKill);
  EXPECT_TRUE(std::holds_alternative<AgentShutdown>(orders[1]));
}

TEST_F(ServiceTest, Stop_AgentNeverAnswers_EndsAfterItsTime) {
  start_job();
  pool_.living = 1;
  request(StopRequest{});
  EXPECT_FALSE(service_->finished());
  clock_.advance_ms(limits::kSaveAndLeaveMsMax + limits::kTerminateGraceMs +
                    limits::kRequestTimeoutMs);
  EXPECT_TRUE(service_->finished());
}

TEST_F(ServiceTest, Stop_NewSubmission_IsRefused) {
  pool_.living = 1;
  EXPECT_EQ(std::get<StopReply>(request(StopRequest{})).message, "stopping: no gang runs");
  EXPECT_EQ(std::get<ErrorReply>(request(SubmitRequest{"t1", one_job_workflow()})).code,
            "unavailable");
}

}  // namespace
}  // namespace tagalign::service
