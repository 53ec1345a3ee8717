// Why a job is where it is: words and numbers for every state in which somebody may ask.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/core/world.h"

namespace tagalign::core {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;
using wire::JobVerb;
using wire::Outcome;

struct ExplainTest : testing::Test, Bench {
  std::string why(std::uint64_t id) {
    std::string text;
    for (const std::string& line : explain(state, {id}, now)) text += line + "\n";
    return text;
  }
  void started(std::uint64_t job, std::uint32_t attempt) {
    report("a", wire::AttemptStarted{{job}, {attempt}, 9, now});
  }
  /// A quarter of the steps ten seconds after the start.
  void quarter(std::uint64_t job) {
    now += 10'000;
    report(
        "a",
        wire::CheckpointCommitted{
            {job}, job_attempt(job), {25, "/c/25", "d25", true}, wire::Pace{2'000, 400, 500, 100}});
  }
  Attempt job_attempt(std::uint64_t id) { return job(id).attempt; }
  wire::JobSpec urgent(int ranks) {
    wire::JobSpec spec = make_job("urgent", "train", ranks);
    spec.priority = 5;
    return spec;
  }
};

TEST_F(ExplainTest, WaitsForAnotherJob_SaysWhenThatIsExpectedToEnd) {
  submit({make_job("one"), make_job("two", "train", 1, {"one"})});
  join("a", 1);
  started(1, 1);
  quarter(1);
  EXPECT_THAT(why(2),
              StartsWith("waits for 'one' (job 1), which is running; expected in about 30.0 s"));
}

TEST_F(ExplainTest, WaitsForSlots_SaysWhoHoldsThem_AndWhenTheyAreFree) {
  submit({make_job("one"), make_job("two")});
  join("a", 1);
  started(1, 1);
  quarter(1);
  EXPECT_THAT(why(2),
              AllOf(StartsWith("waits for 1 slot free on one agent"),
                    HasSubstr("agent a has 0 slots of 1 free: 'one' (job 1) holds 1"),
                    HasSubstr("comes next: agent a will be its own, expected in about 30.0 s")));
}

TEST_F(ExplainTest, BehindTheFirstInLine_SaysForWhomRoomIsKept_AndWhenItsOwnIsExpected) {
  submit({make_job("one"), make_job("two"), make_job("three")});
  join("a", 1);
  started(1, 1);
  quarter(1);
  EXPECT_THAT(why(3),
              AllOf(HasSubstr("'two' (job 2) comes first and gets agent a"),
                    HasSubstr("this one takes nobody knows how long"),
                    HasSubstr("its own room is expected in about 30.0 s if nobody goes before")));
}

TEST_F(ExplainTest, BacksOff_SaysHowLong_WhyAndWhatIsLeftOfItsBudget) {
  submit({make_job("one")});
  join("a", 1);
  ended("a", 1, 1, Outcome::kLaunchFailed);
  EXPECT_THAT(why(1), AllOf(StartsWith("starts again in 1"), HasSubstr(": why"),
                            HasSubstr("failures charged to the program: 1; 3 may be retried")));
}

TEST_F(ExplainTest, LostAttempts_AreCountedAgainstWhatIsFree) {
  submit({make_job("one")});
  join("a", 1);
  for (std::uint32_t attempt = 1; attempt <= 5; ++attempt) {
    ended("a", 1, attempt, Outcome::kAgentRestarted);
    now += limits::kRetryBackOffMsMax;
    give(TimePassed{});
  }
  EXPECT_THAT(why(1), HasSubstr("lost attempts since the last checkpoint: 5 of 30 that are free"));
}

TEST_F(ExplainTest, Held_SaysWhoseWordItIs_AndHowToLetItGo) {
  submit({make_job("one")});
  give(JobChangeAsked{{1}, JobVerb::kHold, "for a look", {}, {}});
  EXPECT_THAT(why(1), StartsWith("held: for a look; let it start: tagalign job release 1"));
}

TEST_F(ExplainTest, Preempted_SaysForWhom_WhenItIsKilled_AndWhyItWaitsAgain) {
  submit({make_job("low")});
  join("a", 1);
  started(1, 1);
  quarter(1);
  submit({urgent(1)});
  EXPECT_THAT(why(1), AllOf(HasSubstr("save and leave: makes room for 'urgent' (job 2), whose "
                                      "priority is 5; it comes back by itself"),
                            HasSubstr("; it is killed in 2")));
  ended("a", 1, 1, Outcome::kSavedAndLeft, 30);
  EXPECT_THAT(why(1), AllOf(StartsWith("starts again in 1"),
                            HasSubstr(": it left, as it was asked to: makes room for 'urgent'")));
  now += 2'000;
  give(TimePassed{});
  EXPECT_THAT(why(1),
              AllOf(StartsWith("waits for 1 slot free"),
                    HasSubstr("attempt 1 ended at step 30: why; it was asked to: makes room")));
}

TEST_F(ExplainTest, StartsAgain_SaysWhenItsFirstStepIsExpected) {
  submit({make_job("one")});
  join("a", 1);
  EXPECT_THAT(why(1), AllOf(StartsWith("attempt 1 was sent to agent a"),
                            testing::Not(HasSubstr("first step"))));
  started(1, 1);
  quarter(1);
  ended("a", 1, 1, Outcome::kRankKilled, 25);
  EXPECT_THAT(why(1), HasSubstr("; its first step is expected in about 2"));
}

TEST_F(ExplainTest, Failed_SaysWhy_WhenAndHowToTryAgain) {
  submit({make_job("one"), make_job("two", "train", 1, {"one"})});
  join("a", 1);
  ended("a", 1, 1, Outcome::kFailed, 7, 93);
  now += 60'000;
  EXPECT_THAT(why(1), AllOf(StartsWith("failed: why"),
                            HasSubstr("that was 1 min 0 s ago; try again: tagalign job requeue 1"),
                            HasSubstr("attempt 1 ended at step 7: why"),
                            HasSubstr("failures charged to the program: 1\n")));
  EXPECT_THAT(why(2), StartsWith("cancelled: it comes after 'one' (job 1), which failed"));
}

TEST_F(ExplainTest, NoJobOfThatNumber_IsSaid) {
  EXPECT_EQ(why(9), "there is no job 9\n");
}

}  // namespace
}  // namespace tagalign::core
