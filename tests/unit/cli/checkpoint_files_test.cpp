// `tagalign checkpoints` on folders: what it says, what it removes, and its exit codes.
#include <nlohmann/json.hpp>

#include "checkpoint/keep.h"
#include "checkpoint/lease.h"
#include "tests/unit/checkpoint/hand_written.h"
#include "tests/unit/checkpoint/save_load_fixture.h"
#include "tests/unit/cli/fake_host.h"

namespace tagalign::cli {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class CheckpointFiles : public CommandLine {
 protected:
  CheckpointFiles() {
    std::string name = (std::filesystem::temp_directory_path() / "ta_cli_XXXXXX").string();
    TA_CHECK(mkdtemp(name.data()) != nullptr, "mkdtemp");
    folder_ = name;
  }
  ~CheckpointFiles() override { std::filesystem::remove_all(folder_); }

  std::string write(std::uint64_t step, const checkpoint::SampleTensors& tensors, int world = 1) {
    return checkpoint::write_by_hand(folder_, world, tensors.views(), position(step))
        .folder.string();
  }
  std::string write(std::uint64_t step) { return write(step, checkpoint::SampleTensors(step)); }
  static checkpoint::RunPosition position(std::uint64_t step) {
    checkpoint::RunPosition position = checkpoint::position_at(step);
    position.settings = {{"optimizer.base_lr", "0.001"}};
    return position;
  }
  /// Flips the last byte of its first shard.
  static void damage(const std::string& step, const char* shard) {
    std::fstream file(Path(step) / shard, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(-1, std::ios::end);
    const auto byte = static_cast<char>(file.get() ^ 1);
    file.seekp(-1, std::ios::end);
    file.put(byte);
  }
  std::vector<std::string> names() { return posix_file_system().list_directory(folder_).value(); }
  json rows() const { return json::parse(out.str()); }

  Path folder_;
};

constexpr const char* kOnlyShard = "rank-00000-of-00001.safetensors";

TEST_F(CheckpointFiles, Folder_ListsEachWithItsFate_AndAsksNoCoordinator) {
  write(100);
  const std::string second = write(200);
  write(300);
  ASSERT_TRUE(checkpoint::pin(posix_file_system(), second, "paper").ok());
  std::ofstream(folder_ / "step-00000400-not-a-step") << "";
  std::filesystem::create_directories(folder_ / "step-00000350");
  clock.advance_ms(system_clock().unix_ms() + 90'000 - clock.unix_ms());
  EXPECT_EQ(run({"--output", "json", "checkpoints", folder_.string()}), 0);
  const json found = rows();
  ASSERT_EQ(found.size(), 4U);
  EXPECT_EQ(found[0]["fate"], "stays by the run's rules");
  EXPECT_EQ(found[1]["fate"], "stays: pinned by paper");
  EXPECT_EQ(found[2]["fate"], "stays: newest");
  EXPECT_THAT(found[3]["fate"].get<std::string>(), HasSubstr("damaged: "));
  EXPECT_EQ(found[1]["path"], second);
  EXPECT_EQ(found[1]["world"], 1);
  EXPECT_GT(found[1]["bytes"], 4096);
  EXPECT_GE(found[1]["age_ms"], 80'000);
  EXPECT_THAT(coordinator.requests, IsEmpty());
}

TEST_F(CheckpointFiles, Folder_NamesWhoTookItsLease) {
  write(100);
  ASSERT_TRUE(checkpoint::take_lease(posix_file_system(), folder_, {"c0", 7, 2}).ok());
  EXPECT_EQ(run({"checkpoints", folder_.string() + "/"}), 0);
  EXPECT_THAT(out.str(), AllOf(HasSubstr("stays: newest"), HasSubstr("job 7 attempt 2")));
}

TEST_F(CheckpointFiles, NoCheckpoints_IsAnErrorThatSaysWhatIsExpected) {
  for (const std::string verb : {"verify", "show"}) {
    EXPECT_EQ(run({"checkpoints", verb, folder_.string()}), 2) << verb;
    EXPECT_THAT(err.str(), HasSubstr("expected a checkpoint (step-00001200)")) << verb;
  }
  EXPECT_EQ(run({"checkpoints", folder_.string()}), 2);
  EXPECT_EQ(run({"checkpoints", "./nowhere"}), 2);
}

TEST_F(CheckpointFiles, Verify_NamesWhatIsDamagedAndExitsWithOne) {
  const std::string first = write(100), second = write(200);
  EXPECT_EQ(run({"checkpoints", "verify", folder_.string()}), 0);
  EXPECT_THAT(out.str(), Not(HasSubstr("XXH3")));
  damage(second, kOnlyShard);
  EXPECT_EQ(run({"checkpoints", "verify", folder_.string(), "--output", "json"}), 1);
  const json found = rows();
  EXPECT_EQ(found[0]["state"], "ok");
  EXPECT_THAT(found[1]["state"].get<std::string>(),
              AllOf(HasSubstr(kOnlyShard), HasSubstr("expected XXH3-128")));
  EXPECT_EQ(run({"checkpoints", "verify", first, "--threads", "1"}), 0);
  EXPECT_EQ(run({"checkpoints", "verify", second}), 1);
  EXPECT_EQ(run({"checkpoints", "verify", second, first}), 2) << "one path at a time";
}

TEST_F(CheckpointFiles, Show_PrintsPositionSettingsShardsAndTensors) {
  const std::string step = write(100, checkpoint::SampleTensors(1), 2);
  EXPECT_EQ(run({"checkpoints", "show", step}), 0);
  EXPECT_THAT(out.str(),
              AllOf(HasSubstr("samples"), HasSubstr("3200"), HasSubstr("optimizer.base_lr"),
                    HasSubstr("rank-00001-of-00002.safetensors"), HasSubstr("[3, 5]"),
                    HasSubstr("18446744073709551615"), HasSubstr("scalars.loss_scale")));
  EXPECT_EQ(run({"checkpoints", "show", step, "--output", "json"}), 0);
  const json card = rows();
  EXPECT_EQ(card["step"], 100);
  EXPECT_EQ(card["seed"], 0xFFFF'FFFF'FFFF'FFFFU);
  EXPECT_EQ(card["settings"]["optimizer.base_lr"], "0.001");
  EXPECT_EQ(card["shards"].size(), 2U);
  EXPECT_EQ(card["tensors"].size(), 10U);
}

TEST_F(CheckpointFiles, Diff_NamesWhatDiffers) {
  const std::string left = write(100, checkpoint::SampleTensors(1));
  checkpoint::RunPosition other = position(101);
  other.settings["optimizer.base_lr"] = "0.002";
  other.scalars["loss_scale"] = 0.5;
  auto views = checkpoint::SampleTensors(1).views();
  const checkpoint::SampleTensors changed(2), same(1);
  views = same.views();
  const float extra = 1;
  views.push_back({"z", checkpoint::DType::kF32, {}, std::as_bytes(std::span(&extra, 1))});
  for (auto& view : views) {
    if (view.name == "w") view.bytes = changed.views().at(9).bytes;
    if (view.name == "half") view.shape = {7, 1};
  }
  const std::string right = checkpoint::write_by_hand(folder_, 1, views, other).folder.string();
  EXPECT_EQ(run({"--output", "json", "checkpoints", "diff", left, right}), 1);
  std::vector<std::string> found;
  for (const json& row : rows())
    found.push_back(row["kind"].get<std::string>() + " " + row["what"].get<std::string>());
  EXPECT_THAT(found, ElementsAre("position samples", "position step", "setting optimizer.base_lr",
                                 "scalar loss_scale", "tensor half", "tensor w", "tensor z"));
}

TEST_F(CheckpointFiles, Diff_OfTheSameStateWrittenByOtherRanks_IsNone) {
  const checkpoint::SampleTensors sample(1);
  const std::string alone = write(100, sample);
  const Path aside = folder_ / "other";
  const std::string shared =
      checkpoint::write_by_hand(aside, 3, sample.views(), position(100)).folder.string();
  EXPECT_EQ(run({"checkpoints", "diff", alone, shared}), 0);
  EXPECT_EQ(out.str(), "no difference\n");
  const checkpoint::SampleTensors changed(2);
  const std::string unlike =
      checkpoint::write_by_hand(folder_ / "third", 3, changed.views(), position(100))
          .folder.string();
  EXPECT_EQ(run({"checkpoints", "diff", alone, unlike}), 1);
  EXPECT_THAT(out.str(), AllOf(HasSubstr("other values"), Not(HasSubstr("position"))));
}

TEST_F(CheckpointFiles, Prune_RemovesOnlyWithYes) {
  for (const std::uint64_t step : {100U, 200U, 300U, 400U, 500U}) write(step);
  ASSERT_TRUE(checkpoint::pin(posix_file_system(), folder_ / "step-00000300", "paper").ok());
  const std::vector<std::string> prune = {
      "checkpoints", "prune", folder_.string(), "--keep-last", "1", "--keep-every", "200"};
  const auto with = [&](const std::string& word) {
    auto words = prune;
    words.push_back(word);
    return words;
  };
  EXPECT_EQ(run(prune), 2);
  EXPECT_THAT(err.str(), HasSubstr("--yes"));
  EXPECT_THAT(out.str(), AllOf(HasSubstr("step-00000100"), HasSubstr("would go: expired"),
                               Not(HasSubstr("step-00000300"))));
  EXPECT_EQ(run(with("--dry-run")), 0);
  EXPECT_EQ(names().size(), 6U) << "nothing was removed";
  EXPECT_EQ(run(with("--yes")), 0);
  EXPECT_THAT(out.str(), HasSubstr("removed: expired"));
  EXPECT_THAT(names(), ElementsAre("pins", "step-00000200", "step-00000300", "step-00000400",
                                   "step-00000500"));
  EXPECT_EQ(run(prune), 0) << "nothing is left to remove";
}

TEST_F(CheckpointFiles, Prune_KeepsNamedStepsAndWhatASaveIsWriting) {
  for (const std::uint64_t step : {100U, 200U, 300U}) write(step);
  std::filesystem::create_directories(folder_ / ".step-00000400.tmp-1-1-c0-0");
  EXPECT_EQ(run({"checkpoints", "prune", folder_.string(), "--keep-last", "1", "--keep-step", "100",
                 "--yes"}),
            0);
  EXPECT_THAT(names(),
              ElementsAre(".step-00000400.tmp-1-1-c0-0", "step-00000100", "step-00000300"));
}

TEST_F(CheckpointFiles, Prune_NewestIsDamaged_RemovesNothing) {
  write(100);
  write(200);
  damage(write(300), kOnlyShard);
  EXPECT_EQ(run({"checkpoints", "prune", folder_.string(), "--keep-last", "1", "--yes"}), 1);
  EXPECT_THAT(err.str(), HasSubstr("nothing was removed, since the newest is damaged"));
  EXPECT_EQ(names().size(), 3U);
  EXPECT_EQ(run({"checkpoints", "prune", folder_.string(), "--yes"}), 2) << "no rule";
}

TEST_F(CheckpointFiles, PinAndUnpin_NameTheOwner) {
  const std::string step = write(100);
  EXPECT_EQ(run({"checkpoints", "pin", step}), 0);
  EXPECT_EQ(run({"checkpoints", "pin", step, "--as", "paper"}), 0);
  EXPECT_THAT(out.str(), HasSubstr("paper"));
  EXPECT_THAT(posix_file_system().list_directory(folder_ / "pins").value(),
              ElementsAre("step-00000100.hand", "step-00000100.paper"));
  EXPECT_EQ(run({"checkpoints", "unpin", step, "--as", "paper"}), 0);
  EXPECT_EQ(run({"checkpoints", "unpin", step, "--as", "paper"}), 2);
  EXPECT_THAT(err.str(), HasSubstr("not pinned by 'paper'"));
  EXPECT_EQ(run({"checkpoints", "pin", step, "--as", "a/b"}), 2);
  EXPECT_EQ(run({"checkpoints", "pin", (folder_ / "step-00000900").string()}), 2);
}

}  // namespace
}  // namespace tagalign::cli
