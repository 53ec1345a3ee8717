#include "coordinator/service/permissions.h"

#include "tests/support/sample_messages.h"
#include "tests/unit/service/service_fixture.h"

namespace tagalign::service {
namespace {

using ::testing::AllOf;

TEST(Permissions, EveryRequest_NeedsItsLeastRoleAndNoLess) {
  for (const ClientRequest& request : sample_requests()) {
    const KeyRole least = least_role(request);
    for (const KeyRole role : {KeyRole::kObserve, KeyRole::kSubmit, KeyRole::kAdmin}) {
      EXPECT_EQ(check_permission({"ada", role}, request).ok(), role >= least) << request.index();
    }
    EXPECT_FALSE(check_permission({"node7", KeyRole::kAgent}, request).ok()) << request.index();
  }
}

/// What each role gains over the one before it, written out a second time.
TEST(Permissions, Roles_MayWhatTheirNamesSay) {
  EXPECT_EQ(least_role(JobLogRequest{}), KeyRole::kObserve);
  EXPECT_EQ(least_role(ResultsRequest{}), KeyRole::kObserve);
  EXPECT_EQ(least_role(StatusRequest{}), KeyRole::kObserve);
  EXPECT_EQ(least_role(PoolsRequest{}), KeyRole::kObserve);
  EXPECT_EQ(least_role(SubmitRequest{}), KeyRole::kSubmit);
  EXPECT_EQ(least_role(CancelRequest{}), KeyRole::kSubmit);
  EXPECT_EQ(least_role(JobsChangeRequest{}), KeyRole::kSubmit);
  EXPECT_EQ(least_role(PoolAddRequest{}), KeyRole::kAdmin);
  EXPECT_EQ(least_role(PoolVerbRequest{}), KeyRole::kAdmin);
  EXPECT_EQ(least_role(StopRequest{}), KeyRole::kAdmin);
}

TEST(Permissions, Refusal_SaysWhatIsMissingAndWhoGivesIt) {
  const Status refused = check_permission({"ada", KeyRole::kObserve}, SubmitRequest{});
  EXPECT_EQ(refused.code(), ErrorCode::kPermissionDenied);
  EXPECT_THAT(refused.message(), AllOf(HasSubstr("'ada'"), HasSubstr("may observe"),
                                       HasSubstr("`tagalign key add NAME --role submit`")));
}

class ServicePermissions : public ServiceTest {
 protected:
  ClientReply request_as(KeyRole role, const ClientRequest& message) {
    socket_->put({kClient, PeerRole::kClient, make_frame(message), {"ada", role}});
    step();
    return socket_->take_replies(kClient).at(0);
  }
};

TEST_F(ServicePermissions, Observer_HandingInJobs_IsRefusedAndNothingHappens) {
  const SubmitRequest submission{"t1", one_job_workflow()};
  EXPECT_EQ(std::get<ErrorReply>(request_as(KeyRole::kObserve, submission)).code,
            "permission-denied");
  EXPECT_THAT(service_->state().workflows, IsEmpty());
  EXPECT_TRUE(std::holds_alternative<SubmitReply>(request_as(KeyRole::kSubmit, submission)));
  EXPECT_TRUE(std::holds_alternative<JobsReply>(request_as(KeyRole::kObserve, JobsRequest{})));
}

TEST_F(ServicePermissions, Submitter_StoppingTheCoordinator_IsRefused) {
  EXPECT_TRUE(std::holds_alternative<ErrorReply>(request_as(KeyRole::kSubmit, StopRequest{})));
  EXPECT_FALSE(service_->state().stopping);
  EXPECT_TRUE(std::holds_alternative<StopReply>(request_as(KeyRole::kAdmin, StopRequest{})));
}

}  // namespace
}  // namespace tagalign::service
