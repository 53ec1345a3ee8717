// tagalign coordinator export|repair|replay, and the past of a machine behind them.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/unit/cli/fake_host.h"

namespace tagalign::cli {
namespace {

using ::testing::HasSubstr;

TEST_F(CommandLine, CoordinatorExport_PrintsLinesAndSaysWhatIsMissing) {
  past.export_facts = [&](const Path& state, const auto& take) -> Result<ExportEnd> {
    EXPECT_EQ(state, "/somewhere");
    take("{\"sequence\":8}");
    take("{\"sequence\":10}");
    return ExportEnd{2, 8, 1};
  };
  EXPECT_EQ(run({"--state", "/somewhere", "coordinator", "export"}), 0);
  EXPECT_EQ(out.str(), "{\"sequence\":8}\n{\"sequence\":10}\n");
  EXPECT_THAT(err.str(), HasSubstr("facts 1 to 7 have left the archive"));
  EXPECT_THAT(err.str(), HasSubstr("1 fact is missing"));
}

TEST_F(CommandLine, CoordinatorExport_OfNoStore_IsAUsageError) {
  past.export_facts = [](const Path&, const auto&) -> Result<ExportEnd> {
    return not_found("there is no coordinator.sqlite");
  };
  EXPECT_EQ(run({"coordinator", "export"}), 2);
  EXPECT_THAT(err.str(), HasSubstr("there is no coordinator.sqlite"));
}

TEST_F(CommandLine, CoordinatorRepair_SaysWhatWasKeptAndDropped) {
  past.repair = [](const Path&, UnixMs) -> Result<RepairEnd> {
    return RepairEnd{true, {"kept: much", "dropped: fact 9"}};
  };
  EXPECT_EQ(run({"coordinator", "repair"}), 0);
  EXPECT_EQ(out.str(), "kept: much\ndropped: fact 9\n");
}

TEST_F(CommandLine, CoordinatorReplay_ShowsTheTableAndSaysWhatToThink) {
  const Path file = std::filesystem::temp_directory_path() / "ta-cli-history.jsonl";
  ASSERT_TRUE(posix_file_system().write_durable(file, "line\n").ok());
  past.replay = [](const std::string& history, const std::string& what_if) -> Result<ReplayEnd> {
    EXPECT_EQ(history, "line\n");
    EXPECT_EQ(what_if, "slots=16");
    return ReplayEnd{{{{"figure", "FIGURE"}}, {{text("makespan")}}, ""}, {"close to it"}};
  };
  EXPECT_EQ(run({"coordinator", "replay", file.string(), "--what-if", "slots=16"}), 0);
  EXPECT_EQ(out.str(), "FIGURE\nmakespan\n");
  EXPECT_THAT(err.str(), HasSubstr("close to it"));
  std::filesystem::remove(file);
  EXPECT_NE(run({"coordinator", "replay", file.string()}), 0) << "there is none any more";
}

}  // namespace
}  // namespace tagalign::cli
