#include "tests/unit/cli/fake_host.h"

namespace tagalign::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST_F(CommandLine, DataPrepare_IsTheWorkersWork_AndItsExitCode) {
  worker_exit = 1;
  EXPECT_EQ(run({"data", "prepare", "voc", "--source", "/a", "--output", "/b", "--threads", "3",
                 "--training"}),
            1);
  EXPECT_THAT(worker_arguments, ElementsAre("data", "prepare", "voc", "--source", "/a", "--output",
                                            "/b", "--threads", "3", "--training"));
}

TEST_F(CommandLine, DataCheckAsJson_AsksTheWorkerForIt) {
  EXPECT_EQ(
      run({"data", "check", "ade20k", "--root", "/a", "--config", "f.yml", "--output", "json"}), 0);
  EXPECT_THAT(worker_arguments, ElementsAre("data", "check", "ade20k", "--root", "/a", "--config",
                                            "f.yml", "--json"));
  EXPECT_EQ(run({"--output", "json", "data", "prepare", "voc", "--source", "/a", "--output", "/b"}),
            0);
  EXPECT_THAT(worker_arguments,
              ElementsAre("data", "prepare", "voc", "--source", "/a", "--output", "/b", "--json"));
}

TEST_F(CommandLine, DataReport_PassesItsSourcesOn) {
  EXPECT_EQ(run({"data", "report", "cc.tsv", "/a/*.tar", "--decode", "0", "--cache", "/c",
                 "--output", "json"}),
            0);
  EXPECT_THAT(worker_arguments, ElementsAre("data", "report", "cc.tsv", "/a/*.tar", "--cache", "/c",
                                            "--decode", "0", "--json"));
  EXPECT_EQ(run({"data", "report", "/a", "--page", "p.html", "--tags", "t", "--tag-names", "n"}),
            0);
  EXPECT_THAT(worker_arguments, ElementsAre("data", "report", "/a", "--page", "p.html", "--tags",
                                            "t", "--tag-names", "n"));
  EXPECT_EQ(run({"data", "report"}), 2);
}

TEST_F(CommandLine, DataPrepareWithoutSource_IsAUsageError) {
  EXPECT_EQ(run({"data", "prepare", "voc", "--output", "/b"}), 2);
  EXPECT_THAT(err.str(), HasSubstr("--source"));
  EXPECT_TRUE(worker_arguments.empty());
}

TEST_F(CommandLine, DataTags_PassesEveryOptionOn) {
  EXPECT_EQ(run({"data",
                 "tags",
                 "a.tsv",
                 "b.csv",
                 "--output",
                 "/o",
                 "--objects",
                 "10",
                 "--attributes",
                 "5",
                 "--min-count",
                 "2",
                 "--drop-most-frequent",
                 "1",
                 "--per-caption",
                 "p.jsonl",
                 "--import",
                 "i.jsonl",
                 "--raw",
                 "--wordnet",
                 "/w",
                 "--lists",
                 "/l",
                 "--threads",
                 "3"}),
            0);
  EXPECT_THAT(worker_arguments,
              ElementsAre("data", "tags", "a.tsv", "b.csv", "--output", "/o", "--objects", "10",
                          "--attributes", "5", "--min-count", "2", "--drop-most-frequent", "1",
                          "--per-caption", "p.jsonl", "--import", "i.jsonl", "--wordnet", "/w",
                          "--lists", "/l", "--threads", "3", "--raw"));
}

TEST_F(CommandLine, DataTagsWithoutOutput_OrWithABadCount_IsAUsageError) {
  EXPECT_EQ(run({"data", "tags", "a.tsv"}), 2);
  EXPECT_THAT(err.str(), HasSubstr("--output"));
  EXPECT_EQ(run({"data", "tags", "a.tsv", "--output", "/o", "--objects", "many"}), 2);
  EXPECT_TRUE(worker_arguments.empty());
}

}  // namespace
}  // namespace tagalign::cli
