#include "base/job_graph.h"

#include <gmock/gmock.h>

namespace tagalign {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Kind = JobGraphFault::Kind;

std::vector<JobGraphFault> check(const std::vector<JobNode>& jobs) {
  return check_job_graph(jobs);
}

TEST(JobNames, FirstCharacter_AllowsLessThanTheRest) {
  for (const char* good : {"a", "0", "clip-b16_v2.1"}) EXPECT_TRUE(is_job_name(good)) << good;
  for (const char* bad : {"", "-a", ".a", "A", "a b", "a/b", "ä"}) {
    EXPECT_FALSE(is_job_name(bad)) << bad;
  }
  EXPECT_TRUE(is_job_name(std::string(64, 'x')));
  EXPECT_FALSE(is_job_name(std::string(1000, 'x')));
}

TEST(JobGraph, ChainsAndSources_AreFine) {
  EXPECT_THAT(check({{"c", {"a", "b"}, ""}, {"a", {}, ""}, {"b", {"a"}, ""}, {"d", {}, "c"}}),
              IsEmpty());
}

TEST(JobGraph, EachFault_NamesItsJobAndEntry) {
  EXPECT_THAT(check({{"A", {}, ""}, {"b", {}, ""}, {"b", {}, ""}}),
              ElementsAre(JobGraphFault{Kind::kName, 0}, JobGraphFault{Kind::kNameTaken, 2}));
  EXPECT_THAT(check({{"a", {"b", "x", "b"}, ""}, {"b", {}, ""}}),
              ElementsAre(JobGraphFault{Kind::kRepeatedAfter, 0, 0},
                          JobGraphFault{Kind::kUnknownAfter, 0, 1},
                          JobGraphFault{Kind::kRepeatedAfter, 0, 2}));
  EXPECT_THAT(
      check({{"a", {}, "x"}, {"b", {}, "c"}, {"c", {}, "d"}, {"d", {}, ""}}),
      ElementsAre(JobGraphFault{Kind::kUnknownSource, 0}, JobGraphFault{Kind::kSourceFollows, 1}));
}

TEST(JobGraph, Circle_IsFoundBehindJobsThatWaitForIt) {
  const auto faults = check({{"a", {"b"}, ""}, {"b", {"c"}, ""}, {"c", {}, "d"}, {"d", {"b"}, ""}});
  ASSERT_EQ(faults.size(), 1u);
  EXPECT_EQ(faults[0].kind, Kind::kCircle);
  EXPECT_EQ(faults[0].job, 1u);
  EXPECT_THAT(faults[0].circle, ElementsAre(1u, 2u, 3u));
}

TEST(JobGraph, JobThatWaitsForItself_IsACircleOfOne) {
  const auto faults = check({{"a", {"a"}, ""}});
  ASSERT_EQ(faults.size(), 1u);
  EXPECT_THAT(faults[0].circle, ElementsAre(0u));
}

TEST(JobGraph, LongChain_NeedsNoRecursion) {
  std::vector<JobNode> jobs = {{"j0", {}, ""}};
  for (int i = 1; i < 20'000; ++i)
    jobs.push_back({"j" + std::to_string(i), {"j" + std::to_string(i - 1)}, ""});
  EXPECT_THAT(check(jobs), IsEmpty());
}

}  // namespace
}  // namespace tagalign
