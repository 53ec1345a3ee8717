#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "slurm/commands.h"
#include "slurm/duration.h"
#include "slurm/node_list.h"

namespace tagalign::slurm {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Duration, Forms_OfSbatch_AreSeconds) {
  EXPECT_EQ(**parse_duration("90"), 5'400);
  EXPECT_EQ(**parse_duration("2:30"), 150);
  EXPECT_EQ(**parse_duration("02:03:04"), 7'384);
  EXPECT_EQ(**parse_duration("1-02"), 93'600);
  EXPECT_EQ(**parse_duration("1-02:03"), 93'780);
  EXPECT_EQ(**parse_duration("1-02:03:04"), 93'784);
  for (const char* none : {"UNLIMITED", "NOT_SET", "INVALID", "Partition_Limit", "N/A", "Unknown"})
    EXPECT_FALSE(parse_duration(none)->has_value()) << none;
  EXPECT_EQ(**parse_duration("00:01:02.123"), 62);
  EXPECT_EQ(**parse_duration("02:03.500"), 123);
}

TEST(Duration, Nonsense_IsRefusedByName) {
  for (const char* text : {"", ":", "1:", "-1", "1-", "-1:2", "1:2:3:4", "x", "1h", "1-2-3",
                           "99999999999999999999", "5.5", "1:2.x", "1:2."}) {
    const auto parsed = parse_duration(text);
    ASSERT_FALSE(parsed.ok()) << text;
    EXPECT_THAT(parsed.status().message(), HasSubstr("'" + std::string(text) + "'"));
  }
}

TEST(Duration, Format_ParsesBack) {
  EXPECT_EQ(format_duration(93'784), "1-02:03:04");
  EXPECT_EQ(format_duration(7'384), "02:03:04");
  for (const std::int64_t seconds : {0, 59, 3'600, 86'399, 86'400, 1'000'000}) {
    EXPECT_EQ(**parse_duration(format_duration(seconds)), seconds);
  }
}

TEST(NodeList, Brackets_AreExpandedWithWidth) {
  EXPECT_THAT(*expand_node_list("node[01-03,07],login1"),
              ElementsAre("node01", "node02", "node03", "node07", "login1"));
  EXPECT_THAT(*expand_node_list("n[9-11]"), ElementsAre("n9", "n10", "n11"));
  EXPECT_THAT(*expand_node_list("r[1-2]n[1-2]-ib"),
              ElementsAre("r1n1-ib", "r1n2-ib", "r2n1-ib", "r2n2-ib"));
}

TEST(NodeList, Nonsense_IsRefused) {
  for (const char* text : {"", "a,", "n[1-2", "n]1[", "n[[1]]", "n[]", "n[a-b]", "n[3-1]",
                           "n[0-99999999]", "n[1-300][1-300]"}) {
    EXPECT_FALSE(expand_node_list(text).ok()) << text;
  }
}

TEST(Sbatch, Request_IsACommandLine) {
  const auto command = sbatch_command({.script = "tagalign.sbatch",
                                       .arguments = {"w.yml"},
                                       .partition = "gpu",
                                       .account = "",
                                       .nodes = 2,
                                       .gpus_per_node = 4,
                                       .time_limit_s = 93'784,
                                       .output = ""});
  ASSERT_TRUE(command.ok());
  EXPECT_THAT(
      *command,
      ElementsAre("sbatch", "--parsable", "--job-name=tagalign", "--nodes=2", "--ntasks-per-node=1",
                  "--time=1-02:03:04", "--signal=B:USR1@180", "--requeue", "--open-mode=append",
                  "--partition=gpu", "--gpus-per-node=4", "tagalign.sbatch", "w.yml"));
}

TEST(Sbatch, TimeLimit_ShorterThanTheSignal_IsRefused) {
  const auto command = sbatch_command({.script = "s",
                                       .arguments = {},
                                       .partition = "",
                                       .account = "",
                                       .time_limit_s = 100,
                                       .output = ""});
  ASSERT_FALSE(command.ok());
  EXPECT_THAT(command.status().message(), HasSubstr("time_limit_s"));
}

TEST(Sbatch, Output_IsAJobNumber) {
  EXPECT_EQ(*parse_sbatch("4711\n"), 4711u);
  EXPECT_EQ(*parse_sbatch("4711;cluster\n"), 4711u);
  EXPECT_FALSE(parse_sbatch("sbatch: error: no partition").ok());
}

/// Field case slurm-sbatch-banner: sites print before and behind the number.
TEST(Sbatch, Output_AmongOtherLines_IsTheLastJobNumber) {
  EXPECT_EQ(
      *parse_sbatch("sbatch: no partition specified, using default partition main\n7787232\n"),
      7787232u);
  EXPECT_EQ(*parse_sbatch("\n75168975;clustername\n"), 75168975u);
  EXPECT_EQ(*parse_sbatch("12\nsbatch: warning: the queue is long\n\n"), 12u);
  EXPECT_EQ(*parse_sbatch("  12 \r\n"), 12u);
  EXPECT_EQ(*parse_sbatch("Submitted batch job 88\n"), 88u);
  EXPECT_EQ(*parse_sbatch("Submitted batch job 88 on cluster c1\n"), 88u);
  EXPECT_EQ(*parse_sbatch("willkommen im 3. Haus\n41\nbis bald"), 41u);
}

TEST(Sbatch, OutputWithoutAJobNumber_IsQuotedWithoutItsControls) {
  for (const char* text : {"", "\n", "0\n", "-5\n", "job 5\n", "5 jobs\n", "5.batch\n", ";c\n"})
    EXPECT_FALSE(parse_sbatch(text).ok()) << text;
  const auto bad = parse_sbatch("\x1b[31mno\n");
  ASSERT_FALSE(bad.ok());
  EXPECT_THAT(bad.status().message(), HasSubstr("found '\\x1b[31mno"));
  EXPECT_THAT(parse_sbatch("caf\xc3\xa9\n").status().message(), HasSubstr("found 'caf\xc3\xa9"));
}

/// Field case slurm-sacct-unknown-times.
TEST(Sacct, UnknownTimesAndSteps_DoNotHideOtherRows) {
  const auto rows = parse_sacct(
      "123|FAILED|1:0|Unknown\n124|PENDING|0:0|\n125.batch|COMPLETED|0:0|00:00:03\n"
      "126|COMPLETED|0:0|00:01:02.123\n127|CANCELLED by 1000|0:15|1-02:03:04\n");
  ASSERT_TRUE(rows.ok()) << rows.status().to_string();
  ASSERT_EQ(rows->size(), 4u);
  EXPECT_EQ((*rows)[0].job, 123u);
  EXPECT_EQ((*rows)[0].exit_code, 1);
  EXPECT_EQ((*rows)[0].elapsed_s, 0);
  EXPECT_EQ((*rows)[1].elapsed_s, 0);
  EXPECT_EQ((*rows)[2].elapsed_s, 62);
  EXPECT_EQ((*rows)[3].job, 127u);
  EXPECT_EQ((*rows)[3].state, "CANCELLED by 1000");
  EXPECT_EQ((*rows)[3].signal, 15);
  EXPECT_EQ((*rows)[3].elapsed_s, 93'784);
}

TEST(Sacct, ForeignLinesAndPartsOfJobs_AreReadOrLeftOut) {
  const auto rows = parse_sacct(
      "Maintenance on Friday\n\n12_3|COMPLETED|0:0|02:03\n12+0|FAILED|2:0|INVALID\n"
      "12_[4-9]|PENDING|0:0|NOT_SET\n13.extern|COMPLETED|0:0|00:01:00\n13|RUNNING||UNLIMITED\n"
      "14|TIMEOUT|0:0|01:00:00|more|than asked\n|COMPLETED|0:0|1\n");
  ASSERT_TRUE(rows.ok()) << rows.status().to_string();
  ASSERT_EQ(rows->size(), 5u);
  EXPECT_EQ((*rows)[0].elapsed_s, 123);
  EXPECT_EQ((*rows)[1].exit_code, 2);
  EXPECT_EQ((*rows)[3].job, 13u);
  EXPECT_EQ((*rows)[4].state, "TIMEOUT");
}

TEST(Sacct, NothingAtAllOrSteps_IsNoRow) {
  EXPECT_TRUE(parse_sacct("")->empty());
  EXPECT_TRUE(parse_sacct("\n")->empty());
  EXPECT_TRUE(parse_sacct("125.batch|COMPLETED|0:0|00:00:03\n")->empty());
  EXPECT_FALSE(parse_sacct("Slurm accounting storage is disabled\n").ok());
}

TEST(Sacct, Rows_AreParsed) {
  const auto rows =
      parse_sacct("17|COMPLETED|0:0|00:01:05\n18|CANCELLED by 1000|0:15|1-00:00:00\n");
  ASSERT_TRUE(rows.ok()) << rows.status().to_string();
  EXPECT_EQ((*rows)[0].elapsed_s, 65);
  EXPECT_EQ((*rows)[1].state, "CANCELLED by 1000");
  EXPECT_EQ((*rows)[1].signal, 15);
  EXPECT_FALSE(parse_sacct("17|COMPLETED|0").ok());
}

TEST(Scancel, SeveralJobs_AreOneCall) {
  EXPECT_THAT(scancel_command({"5", "6"}), ElementsAre("scancel", "5", "6"));
}

TEST(Allocation, Environment_IsRead) {
  EXPECT_FALSE(read_allocation({})->has_value());
  const auto allocation = read_allocation({{"SLURM_JOB_ID", "9"},
                                           {"SLURM_JOB_NODELIST", "n[1-2]"},
                                           {"SLURM_CPUS_ON_NODE", "8"},
                                           {"SLURM_GPUS_ON_NODE", "2"},
                                           {"SLURMD_NODENAME", "n2"},
                                           {"SLURM_JOB_END_TIME", "1795733380"}});
  ASSERT_TRUE(allocation.ok());
  EXPECT_EQ((*allocation)->job, 9u);
  EXPECT_THAT((*allocation)->nodes, ElementsAre("n1", "n2"));
  EXPECT_EQ((*allocation)->cpus_on_node, 8);
  EXPECT_EQ((*allocation)->gpus_on_node, 2);
  EXPECT_EQ((*allocation)->node, "n2");
  EXPECT_EQ((*allocation)->ends_s, 1795733380);
  const auto bad = read_allocation({{"SLURM_JOB_ID", "9"}, {"SLURM_CPUS_ON_NODE", "many"}});
  ASSERT_FALSE(bad.ok());
  EXPECT_THAT(bad.status().message(), HasSubstr("SLURM_CPUS_ON_NODE"));
}

TEST(EndTime, OfSqueue_IsUnixTimeOrNone) {
  EXPECT_EQ(parse_end_time("1795733380\n"), 1795733380);
  EXPECT_EQ(parse_end_time("CLUSTER: c1\n1795733380\n"), 1795733380);
  EXPECT_EQ(parse_end_time("NONE\n"), 0);
  EXPECT_EQ(parse_end_time("N/A"), 0);
  EXPECT_EQ(parse_end_time(""), 0);
  EXPECT_EQ(parse_end_time("-5"), 0);
}

}  // namespace
}  // namespace tagalign::slurm
