// What squeue and sbatch of Slurm 22.05.8 printed, and the same damaged.
#include "slurm/queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

#include "slurm/commands.h"

namespace tagalign::slurm {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view kRecorded =
    "2|tagalign-a100-8|PENDING|0|N/A||(null)|PartitionConfig|\n"
    "3|tagalign-a100-9|PENDING|0|N/A||x y|Resources|\n"
    "4_[1-3]|tagalign-arr|PENDING|0|N/A||(null)|Priority|\n"
    "1|tagalign-a100-7|RUNNING|2|1795732875|n[1-2]|tagalign 0123456789abcdef|None|\n";

TEST(UserQueue, RecordedOutput_EveryFieldIsRead) {
  const UserQueue queue = parse_user_queue(kRecorded);
  EXPECT_EQ(queue.damage, "");
  ASSERT_EQ(queue.rows.size(), 4u);
  EXPECT_EQ(queue.rows[0].reason, "PartitionConfig");
  EXPECT_EQ(queue.rows[0].comment, "");
  EXPECT_EQ(queue.rows[0].ends_s, 0);
  EXPECT_EQ(queue.rows[2].job, "4_[1-3]");
  const UserQueueRow& running = queue.rows[3];
  EXPECT_EQ(running.job, "1");
  EXPECT_EQ(running.name, "tagalign-a100-7");
  EXPECT_EQ(running.state, "RUNNING");
  EXPECT_EQ(running.restarts, 2);
  EXPECT_EQ(running.ends_s, 1795732875);
  EXPECT_EQ(running.nodes, "n[1-2]");
  EXPECT_EQ(running.comment, "tagalign 0123456789abcdef");
}

TEST(UserQueue, NoJobs_IsWholeAndEmpty) {
  const UserQueue queue = parse_user_queue("");
  EXPECT_TRUE(queue.rows.empty());
  EXPECT_EQ(queue.damage, "");
}

TEST(UserQueue, CutAnywhere_IsSaidUnlessALineEndsThere) {
  for (std::size_t size = 1; size < kRecorded.size(); ++size) {
    const UserQueue queue = parse_user_queue(kRecorded.substr(0, size));
    const bool whole = kRecorded[size - 1] == '\n';
    EXPECT_EQ(queue.damage.empty(), whole) << size;
  }
}

TEST(UserQueue, LineOfSomethingElse_IsSaidAndTheRestIsRead) {
  const UserQueue queue = parse_user_queue(
      "slurm_load_jobs error: Socket timed out on send/recv operation\n"
      "7|n|WEIRD_STATE|0|N/A||c|d|\n8|n|RUNNING|many|N/A||c|d|\n");
  EXPECT_THAT(queue.damage, HasSubstr("slurm_load_jobs"));
  ASSERT_EQ(queue.rows.size(), 1u);
  EXPECT_EQ(queue.rows[0].state, "WEIRD_STATE");
}

/// Field case slurm-squeue-foreign-rows, in the columns that are asked for.
TEST(UserQueue, LinesOfTheSite_AreNoDamage) {
  const UserQueue queue = parse_user_queue(
      "CLUSTER: c1\nwelcome, 12 nodes are down\n\n"
      "123|n|RUNNING|0|2026-11-26T22:41:15|n1|(null)|None|\r\n"
      "124_[1-10%2]|n|PENDING|0|N/A||(null)|JobArrayTaskLimit|\n"
      "125+0|n|RUNNING|0|Unknown|n1|(null)|None|\n"
      " 126 |n|PENDING|N/A|INVALID|(null)|(null)|Priority|\n"
      "127|n|RESIZING|(null)|tomorrow|n1|(null)|None|\n");
  EXPECT_EQ(queue.damage, "");
  ASSERT_EQ(queue.rows.size(), 5u);
  EXPECT_EQ(queue.rows[0].job, "123");
  EXPECT_GT(queue.rows[0].ends_s, 0);
  EXPECT_EQ(queue.rows[1].job, "124_[1-10%2]");
  EXPECT_EQ(queue.rows[2].job, "125+0");
  EXPECT_EQ(queue.rows[3].job, "126");
  EXPECT_EQ(queue.rows[3].nodes, "");
  EXPECT_EQ(queue.rows[4].restarts, 0);
  EXPECT_EQ(queue.rows[4].ends_s, 0);
}

TEST(UserQueue, RowThatLacksFields_IsSaidWhateverStandsAround) {
  for (const char* text : {"CLUSTER: c1\n7|n|RUNNING|\n", "7.0|n|RUNNING|0|N/A||c|d|\n",
                           "|n|RUNNING|0|N/A||c|d|\n", "CLUSTER: c1"})
    EXPECT_NE(parse_user_queue(text).damage, "") << text;
}

TEST(SlurmTime, SecondsIsoAndNever_AreRead) {
  EXPECT_EQ(*parse_time("1795732875"), 1795732875);
  EXPECT_EQ(*parse_time("N/A"), 0);
  for (const char* never : {"Unknown", "INVALID", "NOT_SET", "UNLIMITED", "NONE", "(null)", ""})
    EXPECT_EQ(*parse_time(never), 0) << never;
  const auto local = parse_time("2026-11-26T22:41:15");
  ASSERT_TRUE(local.ok());
  const std::time_t seconds = *local;
  std::tm back{};
  ::localtime_r(&seconds, &back);
  EXPECT_EQ(back.tm_hour, 22);
  EXPECT_EQ(back.tm_min, 41);
  EXPECT_FALSE(parse_time("2026-11-26").ok());
  EXPECT_FALSE(parse_time("tomorrow").ok());
}

TEST(Sbatch, HalfALine_IsNoNumber) {
  EXPECT_EQ(*parse_sbatch("4711;box\n"), 4711u);
  EXPECT_FALSE(parse_sbatch("47").ok()) << "the rest may be missing";
  EXPECT_FALSE(parse_sbatch("").ok());
}

TEST(Unanswered, NoController_IsToldFromARefusal) {
  EXPECT_TRUE(is_unanswered(
      "sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect "
      "failure)"));
  EXPECT_TRUE(is_unanswered("slurm_load_jobs error: Socket timed out on send/recv operation"));
  EXPECT_FALSE(
      is_unanswered("sbatch: error: invalid partition specified: nope sbatch: error: Batch job "
                    "submission failed: "
                    "Invalid partition name specified"));
}

TEST(SbatchCommand, CommentAndOwnOptions_StandBeforeTheScript) {
  const auto command = sbatch_command(
      {.script = "s", .arguments = {}, .comment = "tagalign 01", .sbatch_args = {"--qos=long"}});
  ASSERT_TRUE(command.ok());
  EXPECT_THAT(*command, ::testing::IsSupersetOf({"--comment=tagalign 01", "--qos=long"}));
  EXPECT_EQ(command->back(), "s");
}

}  // namespace
}  // namespace tagalign::slurm
