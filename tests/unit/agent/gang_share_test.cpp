/// An agent whose gang has ranks on other nodes: as its head, and as a member.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/limits.h"
#include "tests/unit/agent/agent_fixture.h"

namespace tagalign::agent {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using wire::AttemptEnded;
using wire::AttemptStarted;
using wire::DaemonWanted;
using wire::Outcome;
using wire::StartDaemon;
using wire::StopMode;

class GangShareTest : public AgentFixture {
 protected:
  void SetUp() override { ASSERT_TRUE(begin_life().ok()); }

  /// Two ranks, one here and one on "b".
  wire::Launch gang(bool head, wire::GangLauncher launcher = wire::GangLauncher::kMpirun) const {
    wire::Launch launch = this->launch(1);
    launch.ranks = 2;
    launch.launcher = launcher;
    const wire::Share here{AgentId{"a"}, head ? 0 : 1, {0}};
    const wire::Share there{AgentId{"b"}, head ? 1 : 0, {0}};
    launch.shares = head ? std::vector{here, there} : std::vector{there, here};
    launch.places = {{.allocation = "7", .node = "n1"}, {.allocation = "7", .node = "n2"}};
    return launch;
  }
  void order(const wire::ToAgent& message) {
    coordinator_->order(message);
    step();
  }
  template <class Event>
  std::vector<Event> told() const {
    std::vector<Event> found;
    for (const auto& [number, event] : events()) {
      if (const auto* match = std::get_if<Event>(&event)) found.push_back(*match);
    }
    return found;
  }
  void rank_says_hello(int rank, int pid) {
    say(1, wire::RankHello{JobId{1}, Attempt{1}, rank, pid, "cpu"});
    step();
  }
};

TEST_F(GangShareTest, Head_StartsTheLauncherAndPassesItsWishesOn) {
  order(gang(true));
  EXPECT_THAT(processes_.starts, ElementsAre("mark-1-1."));
  say(1, DaemonWanted{JobId{1}, Attempt{1}, AgentId{"share1"}, "orted"});
  step();
  ASSERT_THAT(told<DaemonWanted>(), SizeIs(1));
  EXPECT_EQ(told<DaemonWanted>()[0].agent, AgentId{"b"}) << "the coordinator knows agents only";
  EXPECT_THAT(acknowledged(1), ElementsAre(1u));
}

TEST_F(GangShareTest, Launch_OfOthersAlone_IsRefused) {
  wire::Launch others = gang(true);
  others.shares.front().agent = AgentId{"c"};
  order(others);
  step();
  EXPECT_TRUE(processes_.starts.empty());
  ASSERT_THAT(told<wire::AttemptEnded>(), SizeIs(1));
  EXPECT_EQ(told<wire::AttemptEnded>()[0].outcome, wire::Outcome::kLaunchFailed);
  EXPECT_EQ(told<wire::AttemptEnded>()[0].message, "not launched: agent a has no part in it");
}

TEST_F(GangShareTest, Head_WishForANodeThatIsNotOfTheGang_IsDropped) {
  order(gang(true));
  say(1, DaemonWanted{JobId{1}, Attempt{1}, AgentId{"share2"}, "orted"});
  say(1, DaemonWanted{JobId{1}, Attempt{1}, AgentId{"elsewhere"}, "orted"});
  step();
  EXPECT_THAT(told<DaemonWanted>(), IsEmpty());
  EXPECT_THAT(acknowledged(1), IsEmpty());
}

TEST_F(GangShareTest, Member_StartsNothingUntilTheDaemonIsWanted) {
  order(gang(false));
  EXPECT_THAT(processes_.starts, IsEmpty());
  EXPECT_THAT(told<AttemptStarted>(), IsEmpty());
  order(StartDaemon{JobId{1}, Attempt{1}, "orted"});
  step(20);
  EXPECT_THAT(processes_.starts, ElementsAre("mark-1-1."));
  EXPECT_THAT(told<AttemptStarted>(), SizeIs(1));
  order(StartDaemon{JobId{1}, Attempt{1}, "orted"});
  EXPECT_THAT(processes_.starts, SizeIs(1)) << "asked for twice";
}

TEST_F(GangShareTest, Member_DaemonWantedBeforeTheLaunch_WaitsForIt) {
  order(StartDaemon{JobId{1}, Attempt{1}, "orted"});
  EXPECT_THAT(processes_.starts, IsEmpty());
  order(gang(false));
  EXPECT_THAT(processes_.starts, ElementsAre("mark-1-1."));
}

TEST_F(GangShareTest, Member_KilledBeforeItsDaemon_EndsWithoutOne) {
  order(gang(false));
  order(stop(1, StopMode::kKill));
  step(20);
  ASSERT_THAT(told<AttemptEnded>(), SizeIs(1));
  EXPECT_EQ(told<AttemptEnded>()[0].outcome, Outcome::kKilledOnRequest);
  order(StartDaemon{JobId{1}, Attempt{1}, "orted"});
  EXPECT_THAT(processes_.starts, IsEmpty()) << "its attempt is over";
}

TEST_F(GangShareTest, Member_WhoseDaemonEndsBeforeARankCame_ToldApart) {
  order(gang(false));
  order(StartDaemon{JobId{1}, Attempt{1}, "orted"});
  processes_.end(101, {.code = 1, .signal = 0});
  step(20);
  ASSERT_THAT(told<AttemptEnded>(), SizeIs(1));
  EXPECT_EQ(told<AttemptEnded>()[0].outcome, Outcome::kGangApart);
  EXPECT_THAT(told<AttemptEnded>()[0].message, HasSubstr("can the nodes reach each other?"));
}

TEST_F(GangShareTest, MemberOfSrun_EndsWhenItsRanksHaveLeft) {
  order(gang(false, wire::GangLauncher::kSrun));
  step(20);
  EXPECT_THAT(processes_.starts, IsEmpty());
  EXPECT_THAT(told<AttemptStarted>(), SizeIs(1)) << "ready for what srun starts here";
  const int pid = processes_.add("mark-1-1.");
  rank_says_hello(1, pid);
  EXPECT_THAT(told<AttemptEnded>(), IsEmpty());
  say(1, wire::RankFarewell{JobId{1}, Attempt{1}, 1, 75, "", 5});
  processes_.end(pid, {.code = 0, .signal = 0});
  step(30);
  ASSERT_THAT(told<AttemptEnded>(), SizeIs(1));
  EXPECT_EQ(told<AttemptEnded>()[0].outcome, Outcome::kSavedAndLeft);
}

TEST_F(GangShareTest, MemberOfSrun_WritesWhatItsRanksTake) {
  order(gang(false, wire::GangLauncher::kSrun));
  const Path seat = seat_file(folder_->path() / "common" / "c-1-1.", "n2");
  const auto text = posix_file_system().read_file(seat, 1 << 16);
  ASSERT_TRUE(text.ok()) << text.status().message();
  EXPECT_THAT(*text, HasSubstr("TAGALIGN_AGENT_SOCKET=/s\n"));
  EXPECT_THAT(*text, HasSubstr("TAGALIGN_GANG=mark-1-1.\n"));
}

TEST_F(GangShareTest, HeadOfSrun_SaysWhichRankRunsWhere) {
  order(gang(true, wire::GangLauncher::kSrun));
  const auto hosts = posix_file_system().read_file(rank_hosts(gang(true)), 1 << 16);
  ASSERT_TRUE(hosts.ok()) << hosts.status().message();
  EXPECT_EQ(*hosts, "n1\nn2\n");
}

TEST_F(GangShareTest, Ranks_HearThatTheirAgentLives) {
  order(launch(1));
  say_hello(1, 101);
  step();
  (void)ranks_->take_sent(peer_of(1));
  clock_.advance_ms(limits::kAgentHeartbeatMs);
  step(1);
  const auto frames = ranks_->take_sent(peer_of(1));
  ASSERT_THAT(frames, SizeIs(1));
  EXPECT_TRUE(std::holds_alternative<wire::AgentBeat>(*wire::decode_to_rank(frames[0].body)));
}

}  // namespace
}  // namespace tagalign::agent
