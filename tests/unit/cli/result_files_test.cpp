// `tagalign results --from`: what evaluations wrote into folders, without a coordinator.
#include "coordinator/cli/convert/result_files.h"

#include "coordinator/wire/result_document.h"
#include "tests/unit/agent/temporary_folder.h"
#include "tests/unit/cli/fake_host.h"

namespace tagalign::cli {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using wire::EvaluationResult;

constexpr int kRevision = 2;

EvaluationResult result(std::uint64_t step, const std::string& dataset, int revision = kRevision) {
  EvaluationResult r;
  r.method = "tagalign";
  r.step = step;
  r.dataset = dataset;
  r.images = 1;
  r.classes = {"sky", "sea"};
  r.intersect = {10, 20};
  r.union_ = r.predicted = r.labelled = {20, 40};
  r.key = wire::content_key(r, revision);
  return r;
}

class ResultFiles : public CommandLine {
 protected:
  std::string folder(const std::string& name) { return (folder_.path() / name).string(); }

  void write(const std::string& folder_name, const EvaluationResult& r, int revision = kRevision) {
    write_text(folder_name, r.key + ".json", wire::to_text({r, revision}));
  }
  void write_text(const std::string& folder_name, const std::string& name,
                  const std::string& text) {
    auto& files = posix_file_system();
    ASSERT_TRUE(files.create_directories(folder(folder_name)).ok());
    ASSERT_TRUE(files.write_durable(Path(folder(folder_name)) / name, text).ok());
  }

  tagalign::testing::TemporaryFolder folder_;
};

TEST_F(ResultFiles, SeveralFolders_MakeOneTable) {
  write("a", result(40, "day"));
  write("a", result(80, "day"));
  write("b", result(40, "dusk"));
  write("b", result(40, "day"));
  write_text("b", "notes.txt", "not a result");
  EXPECT_EQ(run({"results", "--from", folder("a"), folder("b")}), 0) << err.str();
  EXPECT_THAT(out.str(), AllOf(HasSubstr("day"), HasSubstr("dusk"), HasSubstr("50.00")));
  EXPECT_THAT(coordinator.requests, IsEmpty());
  EXPECT_EQ(run({"--output", "quiet", "results", "--from", folder("a")}), 0);
  EXPECT_THAT(out.str(), HasSubstr(result(80, "day").key));
}

TEST_F(ResultFiles, BadFile_IsNamedAndTheOthersArePrinted) {
  write("a", result(40, "day"));
  write_text("a", "torn.json", "{\"format\": 3");
  EvaluationResult changed = result(80, "day");
  changed.step = 81;
  write("a", changed);
  EXPECT_EQ(run({"results", "--from", folder("a")}), 1);
  EXPECT_THAT(out.str(), AllOf(HasSubstr("50.00"), Not(HasSubstr("81"))));
  EXPECT_THAT(err.str(), AllOf(HasSubstr("torn.json"), HasSubstr(changed.key + ".json"),
                               HasSubstr("changed after it was written")));
}

TEST_F(ResultFiles, ContradictingCounts_KeepTheFirstAndNameBoth) {
  write("a", result(40, "day"));
  EvaluationResult other = result(40, "day");
  other.intersect = {11, 20};
  write("b", other);
  const auto collected = collect_results(posix_file_system(), {folder("a"), folder("b")}).value();
  ASSERT_EQ(collected.rows.size(), 1u);
  EXPECT_EQ(collected.rows[0].result.intersect[0], 10u);
  EXPECT_THAT(collected.complaints,
              ElementsAre(AllOf(HasSubstr(folder("b")), HasSubstr(folder("a")),
                                HasSubstr("counted other pixels"))));
}

TEST_F(ResultFiles, OlderRevision_IsNamedAndComesFirst) {
  write("a", result(40, "day", kRevision), kRevision);
  write("b", result(40, "day", kRevision - 1), kRevision - 1);
  const auto collected = collect_results(posix_file_system(), {folder("a"), folder("b")}).value();
  ASSERT_EQ(collected.rows.size(), 2u);
  EXPECT_EQ(collected.rows[1].result, result(40, "day"));
  EXPECT_THAT(collected.complaints,
              ElementsAre(AllOf(HasSubstr(folder("b")), HasSubstr("evaluation revision 1"))));
}

TEST_F(ResultFiles, NewerFormat_IsRefusedWithBothVersions) {
  std::string text = wire::to_text({result(40, "day"), kRevision});
  text.replace(text.find("\"format\": 3"), 11, "\"format\": 4");
  const auto parsed = wire::parse_result(text, "new.json");
  ASSERT_FALSE(parsed.ok());
  EXPECT_THAT(parsed.status().message(),
              AllOf(HasSubstr("new.json"), HasSubstr("format 3 or older, found 4")));
}

TEST_F(ResultFiles, MissingFolderOrAWorkflowBeside_IsRefused) {
  EXPECT_EQ(run({"results", "--from", folder("nowhere")}), 2);
  EXPECT_THAT(err.str(), HasSubstr("nowhere"));
  EXPECT_EQ(run({"results", "small", "--from", folder("a")}), 2);
}

}  // namespace
}  // namespace tagalign::cli
