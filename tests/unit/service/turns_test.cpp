#include "coordinator/service/turns.h"

#include "tests/unit/service/service_fixture.h"

namespace tagalign::service {
namespace {

const ProvenKey kAda{"ada", KeyRole::kSubmit};

IncomingFrame asking(const ProvenKey& key, const std::string& peer = "p", std::size_t bytes = 10) {
  return {peer, PeerRole::kClient, {FrameKind::kClientRequest, std::string(bytes, 'x')}, key};
}

TEST(Turns, Key_BeyondItsShare_WaitsUntilItIsFilledAgain) {
  Turns turns;
  EXPECT_TRUE(turns.take_turn(kAda, 0));
  turns.charge(kAda, 100u << 20);  // about half a second of work
  EXPECT_FALSE(turns.take_turn(kAda, 0));
  EXPECT_TRUE(turns.take_turn({"bob", KeyRole::kObserve}, 0)) << "nobody else waits";
  EXPECT_FALSE(turns.take_turn(kAda, 2'000));
  EXPECT_TRUE(turns.take_turn(kAda, 10'000));
}

TEST(Turns, Admin_NeverWaits) {
  Turns turns;
  const ProvenKey admin{"default", KeyRole::kAdmin};
  turns.charge(admin, 1u << 30);
  EXPECT_TRUE(turns.take_turn(admin, 0));
}

TEST(Turns, HeldRequests_ComeInTheirOrderAFewARound) {
  Turns turns({.per_round = 1});
  EXPECT_TRUE(turns.take_turn(kAda, 0));
  ASSERT_FALSE(turns.take_turn(kAda, 0)) << "one a round";
  ASSERT_TRUE(turns.hold(asking(kAda, "first")).ok());
  ASSERT_TRUE(turns.hold(asking(kAda, "second")).ok());
  turns.charge(kAda, 100u << 20);
  EXPECT_THAT(turns.due(1'000), IsEmpty());
  EXPECT_FALSE(turns.take_turn(kAda, 60'000)) << "what waits is answered first";
  for (const std::string peer : {"first", "second"}) {
    const auto due = turns.due(60'000);
    ASSERT_THAT(due, SizeIs(1));
    EXPECT_EQ(due[0].peer, peer);
  }
  EXPECT_THAT(turns.due(60'000), IsEmpty());
  EXPECT_TRUE(turns.take_turn(kAda, 60'000));
}

TEST(Turns, TooManyHeld_AreRefused) {
  Turns turns({.held_max = 2, .held_bytes_max = 100});
  turns.take_turn(kAda, 0);
  EXPECT_TRUE(turns.hold(asking(kAda, "p", 60)).ok());
  EXPECT_EQ(turns.hold(asking(kAda, "p", 60)).code(), ErrorCode::kUnavailable);
  EXPECT_TRUE(turns.hold(asking(kAda, "p", 40)).ok());
  EXPECT_THAT(turns.hold(asking(kAda, "p", 0)).message(), HasSubstr("wait for the answers"));
}

TEST_F(ServiceTest, KeyThatAsksWithoutEnd_IsAnsweredBitByBitAndOthersAtOnce) {
  const auto put = [&](const std::string& name) {
    const auto frame = make_frame(ClientRequest(StatusRequest{}));
    socket_->put({name, PeerRole::kClient, frame, {name, KeyRole::kObserve}});
  };
  for (int i = 0; i < 40; ++i) put("flooder");
  put("bob");
  step();
  EXPECT_THAT(socket_->take_replies("bob"), SizeIs(1));
  std::size_t answered = socket_->take_replies("flooder").size();
  EXPECT_EQ(answered, TurnLimits{}.per_round);
  for (int round = 0; round < 10; ++round) {
    step();
    answered += socket_->take_replies("flooder").size();
  }
  EXPECT_EQ(answered, 40u) << "nothing was lost";
}

TEST_F(ServiceTest, QuestionOfMegabytes_IsRefused) {
  const auto reply = request(JobRequest{JobRef(std::string(2u << 20, 'x'))});
  EXPECT_EQ(std::get<ErrorReply>(reply).code, "invalid-argument");
}

}  // namespace
}  // namespace tagalign::service
