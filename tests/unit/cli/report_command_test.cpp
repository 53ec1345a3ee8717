#include "coordinator/wire/report_lines.h"
#include "tests/unit/cli/fake_host.h"

namespace tagalign::cli {
namespace {

using ::testing::HasSubstr;

wire::Report appended_to(const std::map<Path, std::string>& files, const Path& file) {
  return wire::parse_report(files.at(file)).value();
}

TEST_F(CommandLine, ReportOutsideOfAJob_SaysWhereItBelongs) {
  EXPECT_EQ(run({"report", "progress", "--step", "3"}), 2);
  EXPECT_THAT(err.str(), HasSubstr("$TAGALIGN_REPORT is not set"));
}

TEST_F(CommandLine, ReportProgress_IsALineOfTheFile) {
  environment["TAGALIGN_REPORT"] = "/r";
  EXPECT_EQ(run({"report", "progress", "--step", "3", "--total", "9", "--activity", "lap"}), 0);
  EXPECT_EQ(appended_to(appended, "/r"), wire::Report(wire::ProgressReport{3, 9, "lap"}));
}

TEST_F(CommandLine, ReportCheckpoint_NeedsStepAndPath) {
  environment["TAGALIGN_REPORT"] = "/r";
  EXPECT_EQ(run({"report", "checkpoint", "--step", "3"}), 2);
  EXPECT_TRUE(appended.empty());
  EXPECT_EQ(
      run({"report", "checkpoint", "--step", "3", "--path", "c", "--digest", "d", "--unscheduled"}),
      0);
  EXPECT_EQ(appended_to(appended, "/r"),
            wire::Report(
                wire::CheckpointInfo{.step = 3, .path = "c", .digest = "d", .scheduled = false}));
}

TEST_F(CommandLine, ReportNotice_IsALineOfTheFile) {
  environment["TAGALIGN_REPORT"] = "/r";
  EXPECT_EQ(run({"report", "notice", "two images were left out"}), 0);
  EXPECT_EQ(appended_to(appended, "/r"),
            wire::Report(wire::NoticeReport{"two images were left out"}));
}

TEST_F(CommandLine, SubmitOfAnExecJob_SendsAPlainProcessAsOneRank) {
  const Path file = std::filesystem::temp_directory_path() / "tagalign-exec-submit.yml";
  ASSERT_TRUE(posix_file_system()
                  .write_durable(file,
                                 "name: w\njobs: {run: {kind: exec, slots_per_rank: 3, config: "
                                 "{command: [a]}}}\n")
                  .ok());
  wire::WorkflowSpec seen;
  coordinator.answer = [&](const auto& request) -> Answer {
    if (const auto* submit = std::get_if<wire::SubmitRequest>(&request)) seen = submit->workflow;
    return wire::SubmitReply{WorkflowId{1}, {{"run", JobId{1}}}, {}};
  };
  EXPECT_EQ(run({"submit", file.string()}), 0) << err.str();
  std::filesystem::remove(file);
  ASSERT_EQ(seen.jobs.size(), 1u);
  EXPECT_EQ(seen.jobs[0].ranks, 1);
  EXPECT_EQ(seen.jobs[0].slots_per_rank, 3);
  EXPECT_THAT(seen.jobs[0].config_yaml, HasSubstr("mpi: false"));
}

}  // namespace
}  // namespace tagalign::cli
