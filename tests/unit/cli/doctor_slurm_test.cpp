/// What `tagalign doctor --slurm` makes of what Slurm 22.05 prints.
#include "coordinator/cli/host/doctor_slurm.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tagalign::cli {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

constexpr char kSinfo[] =
    "low*|up|infinite|3|idle\nlow*|up|infinite|1|down*\nhigh|up|1:00:00|1|down*\n"
    "old|inact|infinite|4|idle\n";

TEST(DoctorPartition, UsableOne_IsShownWithNodesAndLimit) {
  const Check check = judge_partition(kSinfo, "");
  EXPECT_EQ(check.health, Health::kOk);
  EXPECT_EQ(check.found, "low: 3 of 4 nodes usable, time limit infinite");
}

TEST(DoctorPartition, DownUnknownOrInactive_IsAnErrorWithItsCure) {
  EXPECT_THAT(judge_partition(kSinfo, "high").remedy, HasSubstr("sinfo -R"));
  EXPECT_THAT(judge_partition(kSinfo, "gpu").remedy, HasSubstr("high, low, old"));
  EXPECT_THAT(judge_partition(kSinfo, "old").found, HasSubstr("inact"));
  for (const char* name : {"high", "gpu", "old"}) {
    EXPECT_EQ(judge_partition(kSinfo, name).health, Health::kError) << name;
  }
}

TEST(DoctorPartition, NoAnswer_IsAnError) {
  EXPECT_EQ(judge_partition("slurm_load_partitions: Unable to contact", "").health, Health::kError);
}

TEST(DoctorMpi, ListWithoutPmix_IsAWarning) {
  EXPECT_EQ(judge_mpi_types("MPI plugin types are...\n\tpmix\n\tnone\n").health, Health::kOk);
  EXPECT_EQ(judge_mpi_types("MPI plugin types are...\n\tnone\n\tpmi2\n").health, Health::kWarning);
}

NodeQuestion question() {
  return {.token = "t", .endpoint = "tcp://login1:41234", .before_s = 100, .after_s = 102};
}

TEST(DoctorNode, AllWell_IsThreeGoodChecks) {
  const auto checks = judge_node("clock=101.5\ntoken=t\nreach=yes\n", question());
  ASSERT_THAT(checks, SizeIs(3));
  for (const Check& check : checks) EXPECT_EQ(check.health, Health::kOk) << check.found;
}

TEST(DoctorNode, OtherFolderClockAndNoWay_AreNamed) {
  const auto checks = judge_node("clock=110.5\ntoken=\nreach=no\n", question());
  ASSERT_THAT(checks, SizeIs(3));
  EXPECT_THAT(checks[0].found, HasSubstr("does not see"));
  EXPECT_THAT(checks[1].found, HasSubstr("8.5 s ahead"));
  EXPECT_THAT(checks[2].found, HasSubstr("tcp://login1:41234"));
}

TEST(DoctorNode, StepThatDidNotRun_SaysWhatSlurmSaid) {
  const auto checks = judge_node("srun: error: Unable to allocate resources", question());
  ASSERT_THAT(checks, SizeIs(1));
  EXPECT_THAT(checks[0].found, HasSubstr("Unable to allocate"));
}

TEST(DoctorNode, NoCoordinator_IsAWarning) {
  NodeQuestion alone = question();
  alone.endpoint = "";
  EXPECT_EQ(judge_node("clock=101\ntoken=t\n", alone).back().health, Health::kWarning);
}

TEST(DoctorNode, Script_AsksForTheEndpointsHostAndPort) {
  EXPECT_THAT(node_script("/s/doctor-1", "tcp://login1:41234"), HasSubstr("/dev/tcp/login1/41234"));
  EXPECT_THAT(node_script("/s/doctor-1", ""), testing::Not(HasSubstr("/dev/tcp")));
}

}  // namespace
}  // namespace tagalign::cli
