// The report as its command gives it: lines or JSON, and the page beside them.
#include "worker/captions/report_job.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "data/image/image.h"
#include "tests/unit/data/temporary_folder.h"

namespace tagalign::jobs {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ReportJobTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const data::Image image{40, 30, 3, std::vector<std::uint8_t>(40 * 30 * 3, 99)};
    for (const char* name : {"images/a.png", "images/b.png"})
      folder_.write(name, data::encode_png(image));
    folder_.write("images/a.txt", "a red dog");
    arguments_.sources = {(folder_.path() / "images").string()};
  }
  Result<bool> run() {
    out_.str("");
    DataWorld world{posix_file_system(), system_clock(), out_, err_, false};
    return run_data_report(world, arguments_);
  }
  std::string page() const {
    return posix_file_system().read_file(arguments_.page, 1u << 30).value();
  }

  data::TemporaryFolder folder_;
  ReportArguments arguments_;
  std::ostringstream out_, err_;
};

TEST_F(ReportJobTest, Page_IsWrittenBesideTheLines) {
  arguments_.page = folder_.path() / "new/page.html";
  arguments_.tags = folder_.write("tags.json", R"({"a.png": [1], "b.png": [0]})");
  arguments_.tag_names = folder_.write("names.txt", "cat\ndog\n");
  const auto done = run();
  ASSERT_TRUE(done.ok()) << done.status().to_string();
  EXPECT_TRUE(*done);
  EXPECT_THAT(out_.str(), HasSubstr("2 images in 1 shard or folder,"));
  EXPECT_THAT(page(), AllOf(HasSubstr(">a red dog<"), HasSubstr(">dog</span>")));
  EXPECT_THAT(err_.str(), AllOf(HasSubstr("index 100 %"), HasSubstr("2/2")));
  arguments_.json = true;
  ASSERT_TRUE(run().ok());
  EXPECT_EQ(nlohmann::json::parse(out_.str()).at("equal_files"), 1);
}

TEST_F(ReportJobTest, TagsWithoutPage_AreRefused) {
  arguments_.tags = folder_.write("tags.json", "{}");
  arguments_.tag_names = folder_.write("names.txt", "cat\n");
  EXPECT_THAT(run().status().message(), HasSubstr("--page"));
  EXPECT_THAT(out_.str(), IsEmpty());
}

TEST_F(ReportJobTest, PageThatCannotBeWritten_IsAnErrorBeforeTheWork) {
  arguments_.page = folder_.write("file", "") / "page.html";
  EXPECT_FALSE(run().ok());
  EXPECT_THAT(out_.str(), IsEmpty());
}

TEST_F(ReportJobTest, BrokenTags_LeaveTheReportAndSayTheLine) {
  arguments_.page = folder_.path() / "page.html";
  arguments_.tags = folder_.write("tags.json", "{\n\"a.png\": [7]}");
  arguments_.tag_names = folder_.write("names.txt", "cat\n");
  EXPECT_THAT(run().status().message(), HasSubstr("tags.json:2"));
  EXPECT_THAT(out_.str(), HasSubstr("2 images"));
  EXPECT_FALSE(std::filesystem::exists(arguments_.page));
}

}  // namespace
}  // namespace tagalign::jobs
