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
  EXPECT_EQ(run({"data", "report"}), 2);
}

TEST_F(CommandLine, DataPrepareWithoutSource_IsAUsageError) {
  EXPECT_EQ(run({"data", "prepare", "voc", "--output", "/b"}), 2);
  EXPECT_THAT(err.str(), HasSubstr("--source"));
  EXPECT_TRUE(worker_arguments.empty());
}

}  // namespace
}  // namespace tagalign::cli
