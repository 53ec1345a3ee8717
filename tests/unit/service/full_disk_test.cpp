/// Rounds that the store refuses: nothing of them has happened.
#include "tests/unit/service/service_fixture.h"

namespace tagalign::service {
namespace {

TEST_F(ServiceTest, FullDisk_Submission_IsRefusedAndNothingIsSent) {
  orders_after(hello());
  store_.fail_appends(1);
  const auto reply = std::get<ErrorReply>(request(SubmitRequest{"t1", one_job_workflow()}));
  EXPECT_EQ(reply.code, "no-space");
  EXPECT_THAT(reply.message, HasSubstr("not recorded"));
  EXPECT_THAT(socket_->take_orders(kAgent), IsEmpty());
  EXPECT_THAT(service_->state().jobs, IsEmpty());

  EXPECT_TRUE(
      std::holds_alternative<SubmitReply>(request(SubmitRequest{"t1", one_job_workflow()})));
  EXPECT_THAT(socket_->take_orders(kAgent), SizeIs(1));
}

TEST_F(ServiceTest, FullDisk_ChangeOfAJobOfTheSameRound_IsRefusedWithIt) {
  store_.fail_appends(1);
  socket_->put(kClient, ClientRequest(SubmitRequest{"t", one_job_workflow()}));
  socket_->put(kClient, ClientRequest(JobsChangeRequest{{"1"}, JobVerb::kRelease, {}, {}, {}}));
  step();
  const auto replies = socket_->take_replies(kClient);
  ASSERT_THAT(replies, SizeIs(2));
  for (const ClientReply& reply : replies)
    EXPECT_TRUE(std::holds_alternative<ErrorReply>(reply)) << reply.index();
}

TEST_F(ServiceTest, FullDisk_AgentEvents_AreNotAcknowledgedAndTakenLater) {
  start_job();
  const auto ended = events(2, {AttemptEnded{{1}, {1}, Outcome::kSucceeded, 0, -1, 3, "", 9}});
  store_.fail_appends(1);
  EXPECT_THAT(orders_after(ended), IsEmpty());
  EXPECT_EQ(job_state(), "running");
  const auto acks = orders_after(ended);
  ASSERT_THAT(acks, SizeIs(1));
  EXPECT_EQ(std::get<AckEvents>(acks[0]).sequence, 2u);
  EXPECT_EQ(job_state(), "succeeded");
}

TEST_F(ServiceTest, FullDisk_Hello_IsAskedForAgain) {
  store_.fail_appends(1);
  const auto orders = orders_after(hello());
  ASSERT_THAT(orders, SizeIs(1));
  EXPECT_TRUE(std::holds_alternative<SayHello>(orders[0]));
  orders_after(hello());
  EXPECT_THAT(service_->state().agents, SizeIs(1));
}

// The request for another hello was lost: the agent had become another one, and nobody asked again.
TEST_F(ServiceTest, FullDisk_HelloOfRestartedAgent_IsAskedForUntilItIsRecorded) {
  orders_after(hello());
  AgentHello restarted = hello();
  restarted.incarnation = "i2";
  restarted.slots = 8;
  store_.fail_appends(1);
  orders_after(restarted);
  const auto orders = orders_after(AgentHeartbeat{{"local"}, {}, {}});
  ASSERT_THAT(orders, SizeIs(1));
  EXPECT_TRUE(std::holds_alternative<SayHello>(orders[0]));
  orders_after(restarted);
  EXPECT_EQ(service_->state().agents.at({"local"}).slots, 8);
}

TEST_F(ServiceTest, FullDisk_ReadingRequests_AreStillAnswered) {
  store_.fail_appends(1);
  socket_->put(kClient, SubmitRequest{"t1", one_job_workflow()});
  socket_->put("reader", StatusRequest{});
  step();
  EXPECT_TRUE(std::holds_alternative<ErrorReply>(socket_->take_replies(kClient).at(0)));
  EXPECT_TRUE(std::holds_alternative<StatusReply>(socket_->take_replies("reader").at(0)));
}

TEST_F(ServiceTest, FullDisk_StoreUnreadableToo_IsWaitedOutAndNothingOfTheRoundStays) {
  orders_after(hello());
  store_.fail_appends(1);
  store_.fail_reads(2);
  socket_->put(kClient, SubmitRequest{"t1", one_job_workflow()});
  socket_->put("reader", StatusRequest{});
  step();
  EXPECT_EQ(std::get<ErrorReply>(socket_->take_replies(kClient).at(0)).code, "no-space");
  EXPECT_EQ(std::get<ErrorReply>(socket_->take_replies("reader").at(0)).code, "unavailable");
  socket_->put("reader", StatusRequest{});
  step();
  EXPECT_THAT(socket_->take_replies("reader"), IsEmpty()) << "not answered from what may not be";
  step();
  EXPECT_TRUE(std::holds_alternative<StatusReply>(socket_->take_replies("reader").at(0)));
  EXPECT_THAT(service_->state().workflows, IsEmpty());
  EXPECT_THAT(service_->state().agents, SizeIs(1));
}

/// What `body` logs: a process without init_log() logs to stdout.
template <class Body>
std::string log_of(Body body) {
  ::testing::internal::CaptureStdout();
  body();
  return ::testing::internal::GetCapturedStdout();
}

/// Each commit that fails costs reading all of the state again.
TEST_F(ServiceTest, FullDisk_TimeAlone_IsNoReasonToCommitForASecond) {
  start_job();
  clock_.advance_ms(limits::kAgentLostAfterMs);
  store_.fail_appends(2);
  for (int tick = 0; tick < 10; ++tick) step();
  EXPECT_EQ(job_state(), "running") << "tried once, or it would have gone through by now";
  clock_.advance_ms(1'000);
  step();
  EXPECT_EQ(job_state(), "running");
  clock_.advance_ms(1'000);
  step();
  EXPECT_EQ(job_state(), "queued");
}

TEST_F(ServiceTest, FullDisk_AgentSilent_IsLoggedOnceASilence) {
  start_job();
  clock_.advance_ms(limits::kAgentLostAfterMs);
  store_.fail_appends(3);
  const std::string log = log_of([&] {
    for (int tick = 0; tick < 3; ++tick) {
      step();
      clock_.advance_ms(1'000);
    }
  });
  EXPECT_EQ(job_state(), "running");
  const auto first = log.find("agent local is silent for");
  ASSERT_NE(first, std::string::npos);
  EXPECT_EQ(log.find("agent local is silent for", first + 1), std::string::npos);
  step();
  EXPECT_EQ(job_state(), "queued");
}

}  // namespace
}  // namespace tagalign::service
