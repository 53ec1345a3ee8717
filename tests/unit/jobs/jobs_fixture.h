/// A folder with small scenes and a small random CLIP, and gangs of in-process ranks
/// to run jobs on.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/file_system.h"
#include "base/format.h"
#include "configs/schema/jobs/job_configs.h"
#include "data/scenes/scenes.h"
#include "model/clip/towers.h"
#include "tests/support/recording_reporter.h"
#include "worker/collectives/collective_group.h"
#include "worker/rank/precision.h"
#include "worker/rank/rank.h"
#include "worker/weights/weights.h"

namespace tagalign::jobs {

class JobsTest : public ::testing::Test {
 protected:
  JobsTest() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "tagalign-jobs-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    const auto status =
        data::prepare_scenes(files_,
                             {.output = folder_ / "scenes",
                              .seed = 3,
                              .train_count = 24,
                              .train_size = 32,
                              .validation = {{.name = "val", .count = 5, .size = 48}}},
                             [](std::uint64_t, std::uint64_t) {});
    TA_CHECK(status.ok(), status.message());
  }
  ~JobsTest() override { std::filesystem::remove_all(folder_); }

  using Job = std::function<Result<JobEnd>(Rank&)>;

  /// Runs `job` on `world` ranks, each in its own thread. `reporters_` holds one
  /// reporter a rank afterwards.
  std::vector<Result<JobEnd>> run_gang(int world, const Job& job,
                                       const std::function<void(RecordingReporter&)>& adjust = {}) {
    auto groups = collectives::make_thread_groups(world, 60'000);
    reporters_.clear();
    std::vector<std::optional<Result<JobEnd>>> ends(static_cast<std::size_t>(world));
    std::vector<std::thread> threads;
    for (std::size_t r = 0; r < groups.size(); ++r) {
      reporters_.push_back(std::make_unique<RecordingReporter>());
      if (adjust) adjust(*reporters_.back());
    }
    for (std::size_t r = 0; r < groups.size(); ++r) {
      threads.emplace_back([&, r] {
        Rank rank{.group = *groups[r], .reporter = *reporters_[r], .files = files_};
        ends[r] = job(rank);
        if (!(*ends[r]).ok()) groups[r]->abort((*ends[r]).status().message());
      });
    }
    for (auto& thread : threads) thread.join();
    std::vector<Result<JobEnd>> result;
    for (auto& end : ends) result.push_back(std::move(*end));
    return result;
  }

  config::CaptionDataConfig caption_data() const {
    config::CaptionDataConfig data;
    data.root = (folder_ / "scenes/train/images").string();
    data.captions = (folder_ / "scenes/train/captions.csv").string();
    data.tags = (folder_ / "scenes/train/tags.json").string();
    data.tag_names = (folder_ / "scenes/tag_names.txt").string();
    data.image_size = 32;
    return data;
  }

  /// Has a TagAlign learn attributes, which two of three images have.
  void learn_attributes(config::TrainConfig& c, double weight = 1.0) const {
    std::string entries;
    for (int i = 0; i < 24; ++i) {
      if (i % 3 == 2) continue;
      entries += format("{}\"{:06}.png\": [{}, {}]", i == 0 ? "{" : ", ", i, i % 4, 4);
    }
    c.data.attributes = (folder_ / "attributes.json").string();
    c.data.attribute_names = (folder_ / "attributes.txt").string();
    TA_CHECK(files_.write_durable(c.data.attributes, entries + "}").ok());
    TA_CHECK(files_.write_durable(c.data.attribute_names, "red\nold\nbig\nwet\nround\n").ok());
    std::get<config::TagAlignTraining>(c.method).attributes.weight = weight;
  }

  /// With noun prompts, from the tags of the scenes.
  static config::GroupVitTraining small_groupvit() {
    return {
        .image = {.width = 32, .heads = 2, .patch_size = 8, .depths = {1, 2, 1}, .groups = {8, 4}},
        .text = {.width = 64, .layers = 1},
        .embed_dim = 16,
        .projector_width = 32,
        .drop_path = 0.2,
        .noun_prompts = 2};
  }

  /// Path of a small random CLIP's weights; made once a test.
  std::string clip_weights() {
    const Path path = folder_ / "clip.safetensors";
    if (files_.exists(path)) return path.string();
    const model::ClipShape shape{.vision_width = 64,
                                 .vision_layers = 7,
                                 .vision_heads = 1,
                                 .patch_size = 8,
                                 .grid = 4,
                                 .text_width = 64,
                                 .text_layers = 1,
                                 .text_heads = 1,
                                 .context = 77,
                                 .vocabulary = 49408,
                                 .embed_dim = 32};
    const auto status = save_weights(files_, path, model::initial_clip_weights(shape, 7), {});
    TA_CHECK(status.ok(), status.message());
    return path.string();
  }

  FileSystem& files_ = posix_file_system();
  Path folder_;
  std::vector<std::unique_ptr<RecordingReporter>> reporters_;
};

}  // namespace tagalign::jobs
