// What follows the end of an attempt, beyond its class: what it says, and with which exit code.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/core/decide/verdict.h"
#include "tests/unit/core/world.h"

namespace tagalign::core {
namespace {

using testing::HasSubstr;
using wire::Outcome;

struct RetryTest : testing::Test, Bench {
  void SetUp() override {
    submit({make_job("one")});
    join("a", 1);
  }
  /// The newest attempt ends, saying so.
  void fails(std::uint64_t step, std::string message, Outcome outcome = Outcome::kFailed,
             int code = 1) {
    wire::AttemptEnded end;
    end.job = {1};
    end.attempt = job(1).attempt;
    end.outcome = outcome;
    end.exit_code = code;
    end.last_step = step;
    end.message = std::move(message);
    report("a", end);
  }
  void next_attempt(std::int64_t wait_ms = limits::kRetryBackOffMsMax) {
    now += wait_ms;
    give(TimePassed{});
    ASSERT_EQ(state_of(1), "starting");
  }
};

TEST_F(RetryTest, SameStepInTheSameWords_Stops_WhateverTheNumbers) {
  fails(7, "rank 3: out of memory: 1024 MiB at 0x7f3a; see /w/attempt-1/rank-3.log");
  fails(7, "rank 0: out of memory: 998 MiB at 0x7e01; see /w/attempt-2/rank-0.log");
  EXPECT_EQ(state_of(1), "failed");
  EXPECT_THAT(std::get<Failed>(job(1).state).reason,
              HasSubstr("failed twice at step 7 with the same words: rank 0: out of memory: 998"));
}

TEST_F(RetryTest, SameStepInOtherWords_IsTriedAgain) {
  fails(7, "loss is not finite");
  fails(7, "cannot open a socket");
  EXPECT_EQ(state_of(1), "starting");
  fails(7, "cannot open a socket");
  EXPECT_EQ(state_of(1), "failed");
}

TEST_F(RetryTest, SameWordsAtAnotherStep_AreTriedAgain) {
  fails(7, "loss is not finite");
  fails(8, "loss is not finite");
  EXPECT_EQ(state_of(1), "starting");
}

TEST_F(RetryTest, SameStepAgainAfterAnother_IsTriedAgain) {
  fails(7, "loss is not finite");
  fails(8, "loss is not finite");
  fails(7, "loss is not finite");
  EXPECT_EQ(state_of(1), "starting") << "twice in a row is what ends it";
}

TEST_F(RetryTest, LostAgainAndAgain_WaitsTwiceAsLongEachTime) {
  for (int i = 0; i < limits::kRetriesAtOnceMax; ++i) {
    fails(static_cast<std::uint64_t>(i), "killed", Outcome::kRankKilled, 0);
    ASSERT_EQ(state_of(1), "starting") << i;
  }
  for (const std::int64_t wait_ms : {1'000, 2'000, 4'000}) {
    fails(static_cast<std::uint64_t>(100 + wait_ms), "killed", Outcome::kRankKilled, 0);
    ASSERT_EQ(state_of(1), "queued");
    EXPECT_EQ(std::get<Queued>(job(1).state).not_before_ms, now + wait_ms);
    next_attempt(wait_ms);
  }
}

TEST_F(RetryTest, WhatWasSaidBeforeAPersonTriedAgain_DoesNotCount) {
  fails(7, "loss is not finite");
  fails(7, "loss is not finite");
  ASSERT_EQ(state_of(1), "failed");
  give(JobChangeAsked{{1}, wire::JobVerb::kRequeue, {}, {}, {}});
  fails(7, "loss is not finite");
  EXPECT_EQ(state_of(1), "starting");
}

TEST_F(RetryTest, Code93_EndsAtOnce_AlsoWhenNothingRan) {
  fails(0, "no such file: mpirun", Outcome::kLaunchFailed, 93);
  EXPECT_EQ(state_of(1), "failed");
  EXPECT_EQ(std::get<Failed>(job(1).state).reason, "no such file: mpirun");
}

TEST_F(RetryTest, Code75OfItself_ComesBackAfterAWhile_ButNotForEver) {
  fails(0, "left", Outcome::kSavedAndLeft, 75);
  EXPECT_EQ(state_of(1), "queued") << "not at once";
  for (int attempt = 1; attempt < limits::kStalledRetriesMax; ++attempt) {
    next_attempt();
    fails(0, "left", Outcome::kSavedAndLeft, 75);
    ASSERT_EQ(state_of(1), "queued") << attempt;
  }
  next_attempt();
  fails(0, "left", Outcome::kSavedAndLeft, 75);
  EXPECT_EQ(state_of(1), "failed");
}

TEST_F(RetryTest, Code75WithACommit_IsFree) {
  for (std::uint64_t step = 1; step <= 2 * limits::kStalledRetriesMax; ++step) {
    committed(1, job(1).attempt.value, step, false);
    fails(step, "left", Outcome::kSavedAndLeft, 75);
    next_attempt();
  }
  EXPECT_EQ(job(1).program_failures, 0);
}

TEST(RetryVerdict, OfSeveralRanksThatFailed_TheOneThatSays93Decides) {
  const auto end = [](const char* agent, int code, std::string why) {
    return ShareEnd{{agent}, Outcome::kFailed, code, 0, 0, std::move(why), 5};
  };
  const auto verdict = judge_attempt({end("b", 1, "peer lost"), end("a", 93, "bad key")}, {"b"});
  EXPECT_EQ(verdict.exit_code, 93);
  EXPECT_EQ(verdict.message, "on a: bad key");
}

}  // namespace
}  // namespace tagalign::core
