#include "coordinator/wire/report_lines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tagalign::wire {
namespace {

using ::testing::HasSubstr;

std::string refusal(std::string_view line) {
  const auto report = parse_report(line);
  return report.ok() ? "accepted" : report.status().message();
}

TEST(ReportLine, Written_IsReadAsItWas) {
  const CheckpointInfo checkpoint{.step = 7, .path = "c/7", .digest = "d", .scheduled = false};
  for (const Report& report : {Report(ProgressReport{3, 9, "loss \"3\"\n"}), Report(checkpoint),
                               Report(NoticeReport{"two\nlines"})}) {
    const std::string line = report_line(report);
    EXPECT_EQ(line.find('\n'), line.size() - 1) << line;
    const auto again = parse_report(line);
    ASSERT_TRUE(again.ok()) << again.status().message();
    EXPECT_EQ(*again, report);
  }
}

TEST(ReportLine, OnlyStep_IsProgress) {
  EXPECT_EQ(parse_report(R"({"progress": {"step": 4}})").value(), Report(ProgressReport{4, 0, ""}));
}

TEST(ReportLine, CheckpointWithoutDigest_IsNamedByStepAndPath) {
  const auto digest = [](const char* line) {
    return std::get<CheckpointInfo>(parse_report(line).value()).digest;
  };
  const std::string one = digest(R"({"checkpoint": {"step": 1, "path": "c"}})");
  EXPECT_EQ(one.size(), 32u);
  EXPECT_EQ(one, digest(R"({"checkpoint": {"path": "c", "step": 1, "scheduled": true}})"));
  EXPECT_NE(one, digest(R"({"checkpoint": {"step": 2, "path": "c"}})"));
  EXPECT_NE(one, digest(R"({"checkpoint": {"step": 1, "path": "d"}})"));
}

TEST(ReportLine, WrongOnes_AreRefusedWithWhatIsExpected) {
  EXPECT_THAT(refusal("step 3"), HasSubstr("found 'step 3'; expected {\"progress\""));
  EXPECT_THAT(refusal("[1]"), HasSubstr("found '[1]'"));
  EXPECT_THAT(refusal(R"({"progress": 3})"), HasSubstr("found '{"));
  EXPECT_THAT(refusal(R"({"progress": {"step": -1}})"), HasSubstr("'step' is no number from 0"));
  EXPECT_THAT(refusal(R"({"progress": {"stepp": 1}})"), HasSubstr("unknown key 'stepp'"));
  EXPECT_THAT(refusal(R"({"checkpoint": {"step": 1}})"), HasSubstr("'path' is no text"));
  EXPECT_THAT(refusal(R"({"checkpoint": {"step": 1, "path": ""}})"), HasSubstr("'path' is empty"));
  EXPECT_THAT(refusal(R"({"checkpoint": {"step": 1, "path": "c", "scheduled": 1}})"),
              HasSubstr("neither true nor false"));
  EXPECT_THAT(refusal(R"({"notice": 1})"), HasSubstr("'notice' is no text"));
  EXPECT_THAT(refusal(R"({"notice": "a", "progress": {"step": 1}})"), HasSubstr("found"));
  EXPECT_THAT(refusal(std::string(kReportLineBytesMax + 1, 'x')), HasSubstr("65537 bytes"));
}

TEST(ReportLine, Bytes_ThatAreNoText_AreShownHarmless) {
  EXPECT_EQ(refusal("\x1b[31m\xff").find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace tagalign::wire
