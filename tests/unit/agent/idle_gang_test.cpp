// Ranks that stay after an evaluation, and what they are handed or end for.
#include <gmock/gmock.h>

#include "tests/unit/agent/agent_fixture.h"
#include "worker/agent/gangs/start_key.h"

namespace tagalign::agent {
namespace {

using namespace wire;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kOnVal[] = "clip: {weights: c.pt}\nmethod: clip\ndatasets: [{name: val, root: v}]\n";
constexpr char kOnTest[] =
    "clip: {weights: c.pt}\nmethod: clip\ndatasets: [{name: test, root: t}]\noutput: o\n";
constexpr char kOther[] = "clip: {weights: d.pt}\nmethod: clip\ndatasets: [{name: val, root: v}]\n";

class IdleGangTest : public AgentFixture {
 protected:
  void SetUp() override { ASSERT_TRUE(begin_life().ok()); }

  Launch evaluation(std::uint64_t job, const char* config, int slot = 0) const {
    Launch launch = this->launch(job);
    launch.kind = "evaluate";
    launch.config_yaml = config;
    return on_slots(launch, slot);
  }
  /// The job's rank has done its work and stays.
  void end_well(std::uint64_t job) {
    say(job, RankFarewell{JobId{job}, Attempt{1}, 0, 0, "done", 9});
  }
  /// Job 1 by processes 101 (the launcher) and 102 (its rank).
  void evaluate_first() {
    coordinator_->order(evaluation(1, kOnVal));
    step();
    say_hello(1, processes_.add("mark-1-1."));
    step();
    end_well(1);
    step();
  }
  std::vector<NextJob> next_jobs(std::uint64_t of_job) {
    std::vector<NextJob> found;
    for (const wire::Frame& frame : ranks_->take_sent(peer_of(of_job))) {
      if (frame.kind == FrameKind::kNextJob) found.push_back(decode_next_job(frame.body).value());
    }
    return found;
  }
  bool lives(int pid) const { return !processes_.processes.at(pid).exit; }
  std::vector<Outcome> outcomes() const {
    std::vector<Outcome> found;
    for (const AttemptEnded& ended : events_of<AttemptEnded>()) found.push_back(ended.outcome);
    return found;
  }
};

TEST_F(IdleGangTest, Evaluation_ThatEndsWell_IsOverWhileItsRanksStay) {
  evaluate_first();
  EXPECT_THAT(outcomes(), ElementsAre(Outcome::kSucceeded));
  EXPECT_TRUE(lives(101) && lives(102));
  EXPECT_EQ(processes_.processes.at(101).environment.at("TAGALIGN_STAYS"), "1");
}

TEST_F(IdleGangTest, NextOfTheSameWeights_GoesToTheRanksThatAreThere) {
  evaluate_first();
  (void)ranks_->take_sent(peer_of(1));
  Launch second = evaluation(2, kOnTest);
  second.overrides = {"output=p"};
  coordinator_->order(second);
  step();
  EXPECT_THAT(processes_.starts, ElementsAre("mark-1-1."));
  const std::string folder = attempt_folder(second).string();
  EXPECT_THAT(
      next_jobs(1),
      ElementsAre(NextJob{JobId{2}, Attempt{1}, folder, folder + "/config.yaml", {"output=p"}}));
  EXPECT_EQ(posix_file_system().read_file(folder + "/config.yaml", 4096).value(), kOnTest);
  EXPECT_THAT(posix_file_system().read_file(folder + "/launcher.log", 4096).value(),
              HasSubstr("in the ranks of job 1 attempt 1"));
  say_hello(2, 102);
  step();
  end_well(2);
  step(10);
  EXPECT_THAT(outcomes(), ElementsAre(Outcome::kSucceeded, Outcome::kSucceeded));
  ASSERT_THAT(events_of<AttemptStarted>(), SizeIs(2));
  EXPECT_EQ(events_of<AttemptStarted>()[1].job, JobId{2});
}

TEST_F(IdleGangTest, JobOfOtherWeights_EndsThemFirstAndStartsWithoutDelay) {
  evaluate_first();
  coordinator_->order(evaluation(2, kOther));
  step(4);
  EXPECT_FALSE(lives(101) || lives(102));
  EXPECT_THAT(processes_.starts, ElementsAre("mark-1-1.", "mark-2-1."));
}

TEST_F(IdleGangTest, JobOnOtherSlots_LeavesThemThere) {
  evaluate_first();
  coordinator_->order(evaluation(2, kOnTest, 1));
  step();
  EXPECT_TRUE(lives(101) && lives(102));
  EXPECT_THAT(processes_.starts, ElementsAre("mark-1-1.", "mark-2-1."));
}

TEST_F(IdleGangTest, JobOnTheSameGpu_EndsThem) {
  gpus_ = {"0", "1"};  // of four slots
  ASSERT_TRUE(begin_life().ok());
  evaluate_first();
  coordinator_->order(evaluation(2, kOther, 2));
  step();
  EXPECT_TRUE(lives(101)) << "another GPU";
  coordinator_->order(evaluation(3, kOther, 1));
  step();
  EXPECT_FALSE(lives(101)) << "its memory is needed";
}

TEST_F(IdleGangTest, NothingElseToDo_TheyEndAfterTheirTime) {
  evaluate_first();
  clock_.advance_ms(kRanksStayMs - 100);
  step(2);
  EXPECT_TRUE(lives(101) && lives(102));
  clock_.advance_ms(200);
  step();
  EXPECT_FALSE(lives(101) || lives(102));
  coordinator_->order(evaluation(2, kOnTest));
  step();
  EXPECT_THAT(processes_.starts, ElementsAre("mark-1-1.", "mark-2-1."));
}

TEST_F(IdleGangTest, RanksThatDieBeforeTheyBegin_TheSameAttemptStartsAfresh) {
  evaluate_first();
  coordinator_->order(evaluation(2, kOnTest));
  step();
  processes_.end(102, {.code = 0, .signal = 9});
  processes_.end(101, {.code = 137, .signal = 0});
  step(20);
  EXPECT_THAT(processes_.starts, ElementsAre("mark-1-1.", "mark-2-1."));
  EXPECT_THAT(outcomes(), ElementsAre(Outcome::kSucceeded)) << "nothing is charged to job 2";
  say_hello(2, processes_.add("mark-2-1."));
  step();
  end_well(2);
  step();
  EXPECT_THAT(outcomes(), ElementsAre(Outcome::kSucceeded, Outcome::kSucceeded));
}

TEST_F(IdleGangTest, RanksThatDoNotAnswer_AreEndedAndTheAttemptStartsAfresh) {
  evaluate_first();
  coordinator_->order(evaluation(2, kOnTest));
  step();
  clock_.advance_ms(kNextHelloMsMax);
  step(20);
  EXPECT_FALSE(lives(101) || lives(102));
  EXPECT_THAT(processes_.starts, ElementsAre("mark-1-1.", "mark-2-1."));
  EXPECT_THAT(outcomes(), ElementsAre(Outcome::kSucceeded));
}

TEST_F(IdleGangTest, StopBeforeTheyBegin_EndsItAndStartsNothing) {
  evaluate_first();
  coordinator_->order(evaluation(2, kOnTest));
  step(1);
  coordinator_->order(stop(2, StopMode::kKill));
  step(20);
  EXPECT_FALSE(lives(101) || lives(102));
  EXPECT_THAT(processes_.starts, ElementsAre("mark-1-1."));
  EXPECT_THAT(outcomes(), ElementsAre(Outcome::kSucceeded, Outcome::kKilledOnRequest));
}

TEST_F(IdleGangTest, RankKilledInTheSecondJob_TakesNothingFromTheFirst) {
  evaluate_first();
  coordinator_->order(evaluation(2, kOnTest));
  step();
  say_hello(2, 102);
  step();
  processes_.end(102, {.code = 0, .signal = 9});
  processes_.end(101, {.code = 137, .signal = 0});
  step(20);
  EXPECT_THAT(outcomes(), ElementsAre(Outcome::kSucceeded, Outcome::kRankKilled));
  coordinator_->order(evaluation(3, kOnTest));
  step();
  EXPECT_THAT(processes_.starts, ElementsAre("mark-1-1.", "mark-3-1."));
}

TEST_F(IdleGangTest, Shutdown_EndsThemAtOnce) {
  evaluate_first();
  agent_->request_shutdown("the test says so");
  step();
  EXPECT_FALSE(lives(101) || lives(102));
  coordinator_->order(AckEvents{100});
  step();
  EXPECT_TRUE(agent_->finished());
}

TEST_F(IdleGangTest, AskedToLeaveAsItEnds_DoesNotStay) {
  coordinator_->order(evaluation(1, kOnVal));
  step();
  say_hello(1, processes_.add("mark-1-1."));
  step();
  coordinator_->order(stop(1, StopMode::kSaveAndLeave));
  step(1);
  end_well(1);
  step();
  EXPECT_THAT(outcomes(), ElementsAre(Outcome::kSucceeded));
  EXPECT_FALSE(lives(101) || lives(102));
}

TEST_F(IdleGangTest, NewLifeOfTheAgent_EndsThemWithoutATrace) {
  evaluate_first();
  ASSERT_TRUE(begin_life().ok());
  EXPECT_FALSE(lives(101) || lives(102));
  step();
  EXPECT_THAT(outcomes(), ElementsAre(Outcome::kSucceeded)) << "no second end of job 1";
}

TEST_F(IdleGangTest, StartKey_NamesWhatAStartBringsIntoMemory) {
  const auto key = start_key_of(evaluation(1, kOnVal));
  ASSERT_TRUE(key.has_value());
  EXPECT_EQ(start_key_of(evaluation(2, kOnTest)), key);
  EXPECT_NE(start_key_of(evaluation(2, kOther)), key);
  EXPECT_NE(start_key_of(evaluation(2, kOnVal, 1)), key);
  for (const std::string text : {"checkpoint=run/step-1", "runtime.threads_per_rank=2"}) {
    Launch other = evaluation(2, kOnVal);
    other.overrides = {text};
    EXPECT_NE(start_key_of(other), key) << text;
  }
  Launch elsewhere = evaluation(2, kOnVal);
  elsewhere.workspace = "/w";
  EXPECT_NE(start_key_of(elsewhere), key);
  Launch spanning = evaluation(2, kOnVal);
  spanning.shares.push_back({AgentId{"b"}, 1, {0}});
  EXPECT_EQ(start_key_of(spanning), std::nullopt);
  EXPECT_EQ(start_key_of(launch(1)), std::nullopt) << "a training";
}

}  // namespace
}  // namespace tagalign::agent
