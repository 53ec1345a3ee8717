#include "coordinator/service/answers/job_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

namespace tagalign::service {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;
namespace fs = std::filesystem;

class JobLogTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "ta-log-XXXXXX").string();
    workflow_.workspace = mkdtemp(pattern.data());
    job_.id = {3};
    job_.spec.name = "train";
    job_.attempt = {2};
    const Path folder = log_folder(workflow_, job_, {2});
    write(folder / "rank-0.log", "0123456789");
    write(folder / "launcher.log", "mpirun");
    write(folder / "config.yml", "a: 1");
  }
  void TearDown() override { fs::remove_all(workflow_.workspace); }
  void write(const Path& path, std::string_view text) {
    fs::create_directories(path.parent_path());
    ASSERT_TRUE(posix_file_system().write_durable(path, text).ok());
  }
  Result<wire::JobLogReply> read(const wire::JobLogRequest& request) {
    return read_job_log(posix_file_system(), workflow_, job_, request);
  }

  core::Workflow workflow_;
  core::Job job_;
};

TEST_F(JobLogTest, NoRankGiven_AllLogsOfTheNewestAttempt) {
  const auto reply = read({.job = JobId{3}});
  ASSERT_TRUE(reply.ok());
  ASSERT_THAT(reply->files, SizeIs(2));
  EXPECT_THAT(reply->files[0].first, HasSubstr("logs/train/attempt-2/launcher.log"));
  EXPECT_EQ(reply->files[1].second, "0123456789");
}

TEST_F(JobLogTest, TailShorterThanTheFile_GivesItsEnd) {
  const auto reply = read({.job = JobId{3}, .rank = 0, .tail_bytes = 4});
  ASSERT_TRUE(reply.ok());
  ASSERT_THAT(reply->files, SizeIs(1));
  EXPECT_EQ(reply->files[0].second, "6789");
}

TEST_F(JobLogTest, RankWithoutLog_IsNotFoundNamingTheFolder) {
  const auto reply = read({.job = JobId{3}, .rank = 7});
  ASSERT_FALSE(reply.ok());
  EXPECT_EQ(reply.status().code(), ErrorCode::kNotFound);
  EXPECT_THAT(reply.status().message(), HasSubstr("attempt-2 holds no rank-7.log"));
}

TEST_F(JobLogTest, JobNeverStarted_IsSaid) {
  job_.attempt = {0};
  EXPECT_THAT(read({.job = JobId{3}}).status().message(), HasSubstr("not started yet"));
}

}  // namespace
}  // namespace tagalign::service
