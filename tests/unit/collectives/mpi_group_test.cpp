// Every test runs on all ranks: started alone there is one, under mpirun as many as -n says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "tests/unit/collectives/collective_checks.h"
#include "worker/collectives/mpi_environment.h"

namespace tagalign::collectives {
namespace {

using testing::HasSubstr;

constexpr std::int64_t kLongMs = 60'000;
const MpiEnvironment* environment = nullptr;

TEST(MpiGroup, World_IsWhatTheTestWasStartedWith) {
  const char* expected = std::getenv("TAGALIGN_TEST_RANKS");
  EXPECT_EQ(environment->world(), expected != nullptr ? std::atoi(expected) : 1);
  EXPECT_LT(environment->rank(), environment->world());
  EXPECT_EQ(environment->local_rank(), environment->rank());
}

TEST(MpiGroup, AllVerbs_GiveWhatEveryImplementationMust) {
  const auto group = make_mpi_group(*environment, kLongMs).value();
  check_all_verbs(*group);
}

TEST(MpiGroup, TwoGroups_DoNotDisturbEachOther) {
  const auto first = make_mpi_group(*environment, kLongMs).value();
  const auto second = make_mpi_group(*environment, kLongMs).value();
  check_all_verbs(*second);
  check_all_verbs(*first);
}

// The last tests end a group on purpose, so that MPI is not finalised afterwards.

TEST(MpiGroupEnd, Abort_FromAnotherThread_EndsTheWaitWithPeerLost) {
  if (environment->world() == 1) GTEST_SKIP() << "needs two ranks: run under mpirun -n 2";
  const auto group = make_mpi_group(*environment, kLongMs).value();
  const auto ready = make_mpi_group(*environment, kLongMs).value();
  if (environment->rank() == 0) {
    std::thread other([&] { group->abort("stop was asked for"); });
    const Status status = group->barrier();  // rank 1 never comes
    other.join();
    EXPECT_EQ(status.code(), ErrorCode::kPeerLost);
    EXPECT_THAT(status.message(), HasSubstr("stop was asked for"));
    EXPECT_EQ(group->barrier().code(), ErrorCode::kPeerLost);
  }
  EXPECT_TRUE(ready->barrier().ok());
}

TEST(MpiGroupEnd, MissingRank_TimesOut_WithinTheDeadline) {
  if (environment->world() == 1) GTEST_SKIP() << "needs two ranks: run under mpirun -n 2";
  const auto group = make_mpi_group(*environment, 100).value();
  const auto ready = make_mpi_group(*environment, kLongMs).value();
  if (environment->rank() == 0) {
    std::vector<float> values(100'000, 1.0F);
    EXPECT_EQ(group->all_reduce_sum(values).code(), ErrorCode::kTimeout);
    EXPECT_THAT(group->barrier().message(), HasSubstr("all_reduce_sum number 1"));
  }
  EXPECT_TRUE(ready->barrier().ok());
}

}  // namespace
}  // namespace tagalign::collectives

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  auto environment = tagalign::collectives::MpiEnvironment::start();
  if (!environment.ok()) {
    std::fprintf(stderr, "%s\n", environment.status().to_string().c_str());
    return 1;
  }
  tagalign::collectives::environment = environment->get();
  return RUN_ALL_TESTS();
}
