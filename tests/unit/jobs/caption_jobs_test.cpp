// Jobs that make training data ready, and a training on what they made.
#include <gmock/gmock.h>

#include <map>

#include "base/format.h"
#include "checkpoint/load.h"
#include "tests/unit/jobs/jobs_fixture.h"
#include "tests/unit/tags/vocabulary_fixture.h"
#include "worker/captions/rank_jobs.h"
#include "worker/train/train_job.h"

namespace tagalign::jobs {
namespace {

using testing::Contains;
using testing::HasSubstr;

class CaptionJobsTest : public JobsTest {
 protected:
  config::DataPackConfig pack_config(const std::string& output) {
    config::DataPackConfig c;
    c.sources = {(folder_ / "scenes/train/images").string(),
                 (folder_ / "scenes/train/captions.csv").string()};
    c.output = (folder_ / output).string();
    c.short_side = 0;
    return c;
  }

  config::DataTagsConfig tags_config(const std::string& output) {
    config::DataTagsConfig c;
    c.captions = {(folder_ / "scenes/train/captions.csv").string()};
    c.output = (folder_ / output).string();
    c.objects.min_count = 1;
    c.attributes.min_count = 1;
    return c;
  }

  config::TrainConfig train_config(const std::string& name) {
    config::TrainConfig c;
    c.runtime.seed = 5;
    c.data = caption_data();
    c.clip.weights = clip_weights();
    c.optimizer.lr_reference_batch = 8;
    c.checkpoint.directory = (folder_ / name).string();
    c.checkpoint.every_steps = 9;
    c.global_batch = 8;
    c.steps = 9;  // three epochs
    return c;
  }

  void expect_end(int world, const Job& job, JobEnd expected = JobEnd::kFinished,
                  const std::function<void(RecordingReporter&)>& adjust = {}) {
    for (const auto& end : run_gang(world, job, adjust)) {
      ASSERT_TRUE(end.ok()) << end.status().to_string();
      EXPECT_EQ(*end, expected);
    }
  }

  static Result<JobEnd> make_tags(Rank& rank, const config::DataTagsConfig& config) {
    return run_tags_job(rank, config, {data::lists_folder().parent_path()});
  }

  /// Indexes hold times and are left out.
  std::map<std::string, std::string> contents(const std::string& output) {
    std::map<std::string, std::string> found;
    const auto names = files_.list_directory(folder_ / output).value();
    for (const std::string& name : names) {
      if (name == ".tagalign-index") continue;
      found[name] = files_.read_file(folder_ / output / name, 1u << 30).value();
    }
    return found;
  }

  std::map<std::string, std::string> state(const config::TrainConfig& config) {
    const auto newest = checkpoint::load_newest(files_, config.checkpoint.directory).value();
    std::map<std::string, std::string> bytes;
    for (const auto& [name, tensor] : newest.tensors)
      bytes[name] =
          std::string(reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size());
    return bytes;
  }
};

TEST_F(CaptionJobsTest, PackedShards_TrainToTheSameBitsAsTheirFolder) {
  const auto config = pack_config("packed");
  expect_end(2, [&](Rank& rank) { return run_pack_job(rank, config); });
  EXPECT_THAT(reporters_[0]->notices, Contains(HasSubstr("24 images in 1 shard,")));
  const auto from_folder = train_config("folder");
  expect_end(2, [&](Rank& rank) { return run_train(rank, from_folder); });
  auto from_shards = train_config("shards");
  from_shards.data.root = config.output;
  from_shards.data.captions.clear();
  expect_end(
      2, [&](Rank& rank) { return run_train(rank, from_shards); }, JobEnd::kSavedAndLeft,
      [](RecordingReporter& reporter) { reporter.stop_at(4); });
  expect_end(2, [&](Rank& rank) { return run_train(rank, from_shards); });
  EXPECT_EQ(state(from_shards), state(from_folder));
}

TEST_F(CaptionJobsTest, PackingThatIsLeft_GoesOnToTheSameBytesOnOtherRanks) {
  const auto calm = pack_config("calm");
  expect_end(1, [&](Rank& rank) { return run_pack_job(rank, calm); });
  const auto left = pack_config("left");
  expect_end(
      2, [&](Rank& rank) { return run_pack_job(rank, left); }, JobEnd::kSavedAndLeft,
      [](RecordingReporter& reporter) { reporter.stop_at(0); });
  EXPECT_FALSE(contents("left").contains("00000.tar"));
  expect_end(3, [&](Rank& rank) { return run_pack_job(rank, left); });
  EXPECT_EQ(contents("left"), contents("calm"));
}

TEST_F(CaptionJobsTest, PackingOfWhatIsNotThere_FailsOnAllRanks) {
  auto config = pack_config("packed");
  config.sources = {"absent"};
  for (const auto& end : run_gang(2, [&](Rank& rank) { return run_pack_job(rank, config); }))
    EXPECT_THAT(end.status().message(), HasSubstr("absent"));
}

TEST_F(CaptionJobsTest, Report_IsTheSameOnAnyRanks) {
  config::DataReportConfig config;
  config.sources = pack_config("").sources;
  std::vector<std::map<std::string, std::string>> reports;
  for (const int world : {1, 3}) {
    config.output = (folder_ / format("report{}", world)).string();
    expect_end(world, [&](Rank& rank) { return run_report_job(rank, config); });
    reports.push_back(contents(format("report{}", world)));
  }
  EXPECT_THAT(reports[0].at("report.txt"), HasSubstr("24 images"));
  EXPECT_THAT(reports[0].at("report.html"), HasSubstr("data:image/jpeg;base64,"));
  EXPECT_EQ(reports[0], reports[1]);
  expect_end(
      2, [&](Rank& rank) { return run_report_job(rank, config); }, JobEnd::kSavedAndLeft,
      [](RecordingReporter& reporter) { reporter.stop_at(0); });
}

TEST_F(CaptionJobsTest, TagsThatAreLeft_GoOnToTheSameFilesOnOtherRanks) {
  TA_REQUIRE_WORDNET();
  const auto calm = tags_config("calm");
  expect_end(1, [&](Rank& rank) { return make_tags(rank, calm); });
  EXPECT_THAT(reporters_[0]->notices, Contains(HasSubstr("24 captions")));
  EXPECT_FALSE(contents("calm").at("object_list.csv").empty());
  const auto left = tags_config("left");
  expect_end(
      2, [&](Rank& rank) { return make_tags(rank, left); }, JobEnd::kSavedAndLeft,
      [](RecordingReporter& reporter) { reporter.stop_at(0); });
  expect_end(3, [&](Rank& rank) { return make_tags(rank, left); });
  EXPECT_EQ(contents("left"), contents("calm"));
}

}  // namespace
}  // namespace tagalign::jobs
