/// What the first rank decides, every rank returns: values, errors, and nobody left waiting.
#include "worker/rank/rank.h"

#include <ATen/ops/ones.h>
#include <gmock/gmock.h>

#include <atomic>
#include <cerrno>
#include <fstream>

#include "base/format.h"
#include "tests/unit/jobs/jobs_fixture.h"
#include "worker/rank/last_word.h"
#include "worker/train/commits/run_checkpoints.h"

namespace tagalign::jobs {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class FirstDecidesTest : public JobsTest {
 protected:
  /// Each rank's answer, by rank; a barrier afterwards shows that all are still in step.
  template <class Answer, class Decide>
  std::vector<Answer> answers_of(int world, const Decide& decide) {
    std::vector<std::optional<Answer>> answers(static_cast<std::size_t>(world));
    const auto ends = run_gang(world, [&](Rank& rank) -> Result<JobEnd> {
      answers[static_cast<std::size_t>(rank.group.rank())] =
          rank.first_decides([&] { return decide(rank); });
      TA_RETURN_IF_ERROR(rank.group.barrier());
      return JobEnd::kFinished;
    });
    for (const auto& end : ends) EXPECT_TRUE(end.ok()) << end.status().to_string();
    std::vector<Answer> all;
    for (auto& answer : answers) all.push_back(std::move(*answer));
    return all;
  }
};

TEST_F(FirstDecidesTest, Values_AreThoseOfTheFirstRankOnAll) {
  for (const auto& text : answers_of<Result<std::string>>(
           3, [](Rank& rank) { return Result<std::string>(format("rank {}", rank.group.rank())); }))
    EXPECT_EQ(*text, "rank 0");
  for (const bool decided : {false, true}) {
    for (const auto& answer : answers_of<Result<bool>>(
             2, [&](Rank& rank) { return Result<bool>(decided == rank.is_first()); }))
      EXPECT_EQ(*answer, decided);
  }
  constexpr std::uint64_t kLargest = ~std::uint64_t{0};
  for (const auto& number :
       answers_of<Result<std::uint64_t>>(2, [](Rank&) { return Result<std::uint64_t>(kLargest); }))
    EXPECT_EQ(*number, kLargest);
}

TEST_F(FirstDecidesTest, EmptyAndBinaryText_ArrivesWhole) {
  for (const std::string& sent : {std::string(), std::string("\0\x01 a\n\xff", 6)}) {
    for (const auto& text :
         answers_of<Result<std::string>>(2, [&](Rank&) { return Result<std::string>(sent); }))
      EXPECT_EQ(*text, sent);
  }
}

TEST_F(FirstDecidesTest, Error_IsTheSameOnAllRanksAndLeavesThemInStep) {
  for (const auto& answer : answers_of<Result<bool>>(
           3, [](Rank&) { return Result<bool>(data_loss("open F: it is torn")); })) {
    EXPECT_EQ(answer.status().code(), ErrorCode::kDataLoss);
    EXPECT_EQ(answer.status().message(), "open F: it is torn");
  }
  for (const auto& status : answers_of<Status>(3, [](Rank&) { return no_space("write F"); })) {
    EXPECT_EQ(status.code(), ErrorCode::kNoSpace);
    EXPECT_EQ(status.message(), "write F");
  }
}

/// Every rank says the same last word: the first that is heard decides what the job is charged with.
TEST_F(FirstDecidesTest, TroubleOfThePlace_IsToldToAllRanks) {
  for (const auto& status :
       answers_of<Status>(3, [](Rank&) { return errno_status(ESTALE, "F"); })) {
    EXPECT_EQ(status.code(), ErrorCode::kDataLoss);
    EXPECT_TRUE(status.is_of_the_place());
    EXPECT_EQ(code_of(status), ExitCode::kPlaceFailed);
  }
  for (const auto& status : answers_of<Status>(2, [](Rank&) { return data_loss("F is torn"); }))
    EXPECT_EQ(code_of(status), ExitCode::kJobFailed);
}

/// Field case disk-full-ends-job: nothing said what to do.
TEST(LastWord, OfATroubleOfThePlace_SaysThatTheJobGoesOn) {
  EXPECT_EQ(code_of(no_space("write F")), ExitCode::kPlaceFailed);
  EXPECT_EQ(reason_of(no_space("write F")), "write F; free space there, and the job goes on");
  EXPECT_EQ(code_of(errno_status(EROFS, "write F")), ExitCode::kPlaceFailed);
  EXPECT_THAT(reason_of(errno_status(EIO, "read F")), ::testing::HasSubstr("mend that"));
  EXPECT_EQ(code_of(invalid_argument("x")), ExitCode::kDoNotRequeue);
  EXPECT_EQ(code_of(peer_lost("x")), ExitCode::kPeerLost);
  EXPECT_EQ(code_of(not_found("x")), ExitCode::kJobFailed);
  EXPECT_EQ(reason_of(not_found("x")), "x");
}

TEST_F(FirstDecidesTest, Followers_DecideNothing) {
  std::atomic<int> calls{0};
  answers_of<Status>(4, [&](Rank& rank) {
    EXPECT_TRUE(rank.is_first());
    ++calls;
    return ok_status();
  });
  EXPECT_EQ(calls, 1);
}

TEST_F(FirstDecidesTest, BrokenGroup_GivesTheErrorOfTheCollective) {
  const auto ends = run_gang(2, [](Rank& rank) -> Result<JobEnd> {
    if (!rank.is_first()) return cancelled("this rank leaves");
    TA_RETURN_IF_ERROR(rank.first_decides([] { return ok_status(); }));
    return JobEnd::kFinished;
  });
  EXPECT_EQ(ends[0].status().code(), ErrorCode::kPeerLost);
}

// ---------------------------------------------------------------- the folder of checkpoints

class RunCheckpointsTest : public JobsTest {
 protected:
  RunCheckpointOptions options() {
    RunCheckpointOptions o{.label = "train", .checkpoint = {}, .run = {}};
    o.checkpoint.directory = (folder_ / "run").string();
    o.run.global_batch = 4;
    o.run.config_digest = "c1";
    return o;
  }
  std::vector<Result<JobEnd>> open_on(int world, const RunCheckpointOptions& o) {
    return run_gang(world, [&](Rank& rank) -> Result<JobEnd> {
      TA_RETURN_IF_ERROR(RunCheckpoints(rank, o).open().status());
      return JobEnd::kFinished;
    });
  }
};

TEST_F(RunCheckpointsTest, FolderThatCannotBeMade_EndsEveryRankWithTheSameWords) {
  std::ofstream(folder_ / "run") << "a file where the folder belongs";
  const auto ends = open_on(3, options());
  for (const auto& end : ends) {
    EXPECT_EQ(end.status().to_string(), ends[0].status().to_string());
    EXPECT_THAT(end.status().message(), HasSubstr((folder_ / "run").string()));
  }
}

TEST_F(RunCheckpointsTest, LaterWriter_IsFoundByEveryRank) {
  const auto as_attempt = [&](std::uint32_t attempt) {
    return run_gang(
        2,
        [&](Rank& rank) -> Result<JobEnd> {
          TA_RETURN_IF_ERROR(RunCheckpoints(rank, options()).open().status());
          return JobEnd::kFinished;
        },
        [&](RecordingReporter& reporter) {
          reporter.set_identity({JobId{1}, Attempt{attempt}, 0, "coordinator1"});
        });
  };
  for (const auto& end : as_attempt(2)) ASSERT_TRUE(end.ok()) << end.status().to_string();
  for (const auto& end : as_attempt(1)) EXPECT_EQ(end.status().code(), ErrorCode::kAlreadyExists);
}

TEST_F(RunCheckpointsTest, SavedState_ComesBackWithItsPositionAndIsRefusedByAnotherRun) {
  auto mine = options();
  const auto saved = run_gang(2, [&](Rank& rank) -> Result<JobEnd> {
    RunCheckpoints run(rank, mine);
    TA_RETURN_IF_ERROR(run.open().status());
    TA_RETURN_IF_ERROR(
        run.begin({{{"w", at::ones({3})}}, {}, 5, 20, {}}, true, {.start_ms = 9, .step_ms = 4}));
    TA_RETURN_IF_ERROR(run.finish());
    return JobEnd::kFinished;
  });
  for (const auto& end : saved) ASSERT_TRUE(end.ok()) << end.status().to_string();
  const auto again = run_gang(2, [&](Rank& rank) -> Result<JobEnd> {
    TA_ASSIGN_OR_RETURN(const auto newest, RunCheckpoints(rank, mine).open());
    EXPECT_TRUE(newest.found);
    EXPECT_EQ(newest.manifest.position.step, 5u);
    EXPECT_EQ(newest.manifest.position.samples, 20u);
    return JobEnd::kFinished;
  });
  for (const auto& end : again) EXPECT_TRUE(end.ok()) << end.status().to_string();
  mine.run.config_digest = "c2";
  for (const auto& end : open_on(2, mine)) {
    EXPECT_THAT(end.status().message(),
                AllOf(HasSubstr("another configuration"), HasSubstr("expected c2, found c1")));
  }
}

}  // namespace
}  // namespace tagalign::jobs
