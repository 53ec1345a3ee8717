#include "data/scenes/scenes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "base/checksum.h"
#include "base/format.h"
#include "data/datasets/caption_dataset.h"
#include "data/datasets/segmentation_dataset.h"
#include "tests/support/fault_file_system.h"
#include "tests/unit/data/temporary_folder.h"

namespace tagalign::data {
namespace {

using ::testing::HasSubstr;

double mean_of(const Image& image, std::size_t channel) {
  double sum = 0;
  for (std::size_t i = channel; i < image.pixels.size(); i += 3) sum += image.pixels[i];
  return sum / static_cast<double>(image.pixels.size() / 3);
}

TEST(DrawScene, SameSeedAndIndex_GiveTheSameScene_OthersDiffer) {
  const Scene first = draw_scene(5, 9, 64, SceneLook::kDay);
  const Scene again = draw_scene(5, 9, 64, SceneLook::kDay);
  EXPECT_EQ(first.image.pixels, again.image.pixels);
  EXPECT_EQ(first.label.ids, again.label.ids);
  EXPECT_EQ(first.caption, again.caption);
  EXPECT_NE(first.image.pixels, draw_scene(5, 10, 64, SceneLook::kDay).image.pixels);
  EXPECT_NE(first.image.pixels, draw_scene(6, 9, 64, SceneLook::kDay).image.pixels);
}

TEST(DrawScene, PinnedSeed_HasThePinnedBytes) {
  Hasher128 hasher;
  for (std::uint64_t i = 0; i < 50; ++i) {
    const Scene scene = draw_scene(1, i, 48, i % 2 == 0 ? SceneLook::kDay : SceneLook::kDusk);
    hasher.update(std::as_bytes(std::span(scene.image.pixels)));
    hasher.update(std::as_bytes(std::span(scene.label.ids)));
    hasher.update(scene.caption);
  }
  EXPECT_EQ(hasher.digest().hex(), "889c3d2509293a68e9f7ef61264922e7");
}

TEST(DrawScene, ManyScenes_TagsAreTheVisibleClasses_AndTheCaptionNamesThem) {
  std::set<std::int32_t> seen;
  for (std::uint64_t i = 0; i < 200; ++i) {
    const Scene scene = draw_scene(2, i, 64, SceneLook::kDay);
    std::map<std::int32_t, int> pixels;
    for (const std::uint16_t id : scene.label.ids) ++pixels[id];
    std::vector<std::int32_t> visible;
    for (const auto& [id, count] : pixels) {
      ASSERT_LT(static_cast<std::size_t>(id), scene_classes().size());
      if (count > 64 * 64 / 100) visible.push_back(id);
    }
    EXPECT_EQ(scene.tags, visible);
    EXPECT_GE(visible.size(), 1U);
    EXPECT_LE(visible.size(), 5U);
    for (const std::int32_t id : visible) {
      EXPECT_THAT(scene.caption, HasSubstr(scene_classes()[static_cast<std::size_t>(id)]));
    }
    seen.insert(visible.begin(), visible.end());
  }
  EXPECT_GE(scene_classes().size(), 12U);
  EXPECT_EQ(seen.size(), scene_classes().size());
}

TEST(DrawScene, Dusk_IsDarkerAndWarmerThanDay) {
  double day = 0, dusk = 0, day_warmth = 0, dusk_warmth = 0;
  for (std::uint64_t i = 0; i < 40; ++i) {
    const Image light = draw_scene(3, i, 32, SceneLook::kDay).image;
    const Image dark = draw_scene(3, i, 32, SceneLook::kDusk).image;
    day += mean_of(light, 1), dusk += mean_of(dark, 1);
    day_warmth += mean_of(light, 0) / mean_of(light, 2),
        dusk_warmth += mean_of(dark, 0) / mean_of(dark, 2);
  }
  EXPECT_LT(dusk, 0.8 * day);
  EXPECT_GT(dusk_warmth, 1.2 * day_warmth);
}

ScenesOptions small_options(const Path& output) {
  return {.output = output,
          .seed = 4,
          .train_count = 12,
          .train_size = 32,
          .validation = {{"day", 3, 48, SceneLook::kDay}, {"dusk", 2, 48, SceneLook::kDusk}}};
}

/// Digest of every file's name and bytes below a folder.
std::string folder_digest(const Path& folder) {
  std::map<std::string, std::string> contents;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    contents[entry.path().lexically_relative(folder).string()] =
        digest_file(posix_file_system(), entry.path()).value().hex();
  }
  Hasher128 hasher;
  for (const auto& [name, digest] : contents) hasher.update(name), hasher.update(digest);
  return hasher.digest().hex();
}

TEST(PrepareScenes, Complete_CanBeOpenedByBothReaders) {
  const TemporaryFolder folder;
  const Path out = folder.path() / "scenes";
  std::uint64_t done = 0, total = 0;
  const Status status =
      prepare_scenes(posix_file_system(), small_options(out),
                     [&](std::uint64_t d, std::uint64_t t) { done = d, total = t; });
  ASSERT_TRUE(status.ok()) << status.to_string();
  EXPECT_EQ(done, 17U);
  EXPECT_EQ(total, 17U);
  const auto captions =
      CaptionDataset::open(posix_file_system(), {out / "train/images", out / "train/captions.csv",
                                                 out / "train/tags.json", out / "tag_names.txt"});
  ASSERT_TRUE(captions.ok()) << captions.status().to_string();
  EXPECT_EQ(captions->size(), 12U);
  EXPECT_EQ(captions->record(3).caption, draw_scene(4, 3, 32, SceneLook::kDay).caption);
  EXPECT_EQ(captions->record(3).tags, draw_scene(4, 3, 32, SceneLook::kDay).tags);
  const auto dusk = SegmentationDataset::open(
      posix_file_system(),
      {"dusk", out / "dusk/images", out / "dusk/labels", out / "dusk/classes.txt"});
  ASSERT_TRUE(dusk.ok()) << dusk.status().to_string();
  EXPECT_EQ(dusk->classes(), scene_classes());
  const Scene expected = draw_scene(4, (std::uint64_t{2} << 32) + 1, 48, SceneLook::kDusk);
  const SegmentationSample sample = dusk->read(posix_file_system(), 1).value();
  EXPECT_EQ(sample.image.pixels, expected.image.pixels);
  EXPECT_EQ(sample.label.ids, expected.label.ids);
}

double brightness(const Image& image) {
  return (mean_of(image, 0) + mean_of(image, 1) + mean_of(image, 2)) / 3;
}

TEST(PrepareScenes, HalfDusk_DrawsEverySecondTrainingImageDarker) {
  const TemporaryFolder folder;
  ScenesOptions options = small_options(folder.path() / "scenes");
  options.train_count = 16;
  options.train_dusk_share = 0.5;
  ASSERT_TRUE(prepare_scenes(posix_file_system(), options, {}).ok());
  int dusk = 0;
  double dusk_brightness = 0, day_brightness = 0;
  for (std::uint64_t i = 0; i < 16; ++i) {
    const Path path = options.output / "train/images" / format("{:06}.png", i);
    const Image image = read_image(posix_file_system(), path, ReadAs::kTraining).value();
    const Image day = draw_scene(options.seed, i, 32, SceneLook::kDay).image;
    if (image.pixels == day.pixels) continue;
    EXPECT_EQ(image.pixels, draw_scene(options.seed, i, 32, SceneLook::kDusk).image.pixels) << i;
    ++dusk;
    dusk_brightness += brightness(image);
    day_brightness += brightness(day);
  }
  EXPECT_EQ(dusk, 8);
  EXPECT_LT(dusk_brightness, 0.85 * day_brightness);
}

TEST(PrepareScenes, AllOrNoDusk_IsWhatTheShareSays) {
  for (const double share : {0.0, 1.0}) {
    const TemporaryFolder folder;
    ScenesOptions options = small_options(folder.path() / "scenes");
    options.train_dusk_share = share;
    ASSERT_TRUE(prepare_scenes(posix_file_system(), options, {}).ok());
    for (std::uint64_t i = 0; i < 12; ++i) {
      const Path path = options.output / "train/images" / format("{:06}.png", i);
      EXPECT_EQ(read_image(posix_file_system(), path, ReadAs::kTraining)->pixels,
                draw_scene(4, i, 32, share == 0 ? SceneLook::kDay : SceneLook::kDusk).image.pixels)
          << i;
    }
  }
}

TEST(PrepareScenes, SecondRun_ChangesNothing_AndOtherOptionsAreRefused) {
  const TemporaryFolder folder;
  ScenesOptions options = small_options(folder.path() / "scenes");
  ASSERT_TRUE(prepare_scenes(posix_file_system(), options, {}).ok());
  int calls = 0;
  ASSERT_TRUE(prepare_scenes(posix_file_system(), options, [&](auto, auto) { ++calls; }).ok());
  EXPECT_EQ(calls, 0);
  options.seed = 5;
  const Status status = prepare_scenes(posix_file_system(), options, {});
  EXPECT_EQ(status.code(), ErrorCode::kAlreadyExists);
  EXPECT_THAT(status.message(), HasSubstr("choose another output folder"));
}

TEST(PrepareScenes, ForeignFolder_IsNeverTouched) {
  const TemporaryFolder folder;
  folder.write("scenes/train/mine.txt", "keep");
  const Status status =
      prepare_scenes(posix_file_system(), small_options(folder.path() / "scenes"), {});
  EXPECT_EQ(status.code(), ErrorCode::kAlreadyExists);
  EXPECT_TRUE(std::filesystem::exists(folder.path() / "scenes/train/mine.txt"));
}

TEST(PrepareScenes, PowerCutAnywhere_NextRunGivesTheSameBytes) {
  const TemporaryFolder folder;
  ASSERT_TRUE(prepare_scenes(posix_file_system(), small_options(folder.path() / "whole"), {}).ok());
  const std::string expected = folder_digest(folder.path() / "whole");
  for (std::uint64_t operations = 0; operations < 90; operations += 11) {
    const Path out = folder.path() / ("cut" + std::to_string(operations));
    testing_support::FaultFileSystem faulty(posix_file_system());
    faulty.crash_after(operations);
    const bool finished = prepare_scenes(faulty, small_options(out), {}).ok();
    EXPECT_EQ(finished, !faulty.crashed());
    const Status status = prepare_scenes(posix_file_system(), small_options(out), {});
    EXPECT_TRUE(status.ok()) << operations << ": " << status.to_string();
    EXPECT_EQ(folder_digest(out), expected) << operations;
  }
}

TEST(PrepareScenes, FullDisk_IsReported_AndNothingCountsAsComplete) {
  const TemporaryFolder folder;
  const Path out = folder.path() / "scenes";
  testing_support::FaultFileSystem faulty(posix_file_system());
  faulty.set_space(20000);
  EXPECT_EQ(prepare_scenes(faulty, small_options(out), {}).code(), ErrorCode::kNoSpace);
  EXPECT_FALSE(std::filesystem::exists(out / "dataset.json"));
}

TEST(PrepareScenes, LostImage_IsNoticedAndDrawnAgain) {
  const TemporaryFolder folder;
  const Path out = folder.path() / "scenes";
  ASSERT_TRUE(prepare_scenes(posix_file_system(), small_options(out), {}).ok());
  const std::string expected = folder_digest(out);
  folder.write("scenes/train/images/000004.png", "");
  ASSERT_TRUE(prepare_scenes(posix_file_system(), small_options(out), {}).ok());
  EXPECT_EQ(folder_digest(out), expected);
}

TEST(PrepareScenes, BadOptions_AreNamed) {
  const TemporaryFolder folder;
  ScenesOptions options = small_options(folder.path() / "scenes");
  options.validation.push_back({"day", 1, 48, SceneLook::kDay});
  EXPECT_THAT(prepare_scenes(posix_file_system(), options, {}).message(),
              HasSubstr("'day' is taken"));
  options.validation.back().name = "../x";
  EXPECT_THAT(prepare_scenes(posix_file_system(), options, {}).message(),
              HasSubstr("no plain folder name"));
  options.validation.pop_back();
  options.train_size = 4;
  EXPECT_THAT(prepare_scenes(posix_file_system(), options, {}).message(),
              HasSubstr("train_size is 4"));
  options.train_size = 32;
  for (const double share : {-0.1, 1.5, std::nan("")}) {
    options.train_dusk_share = share;
    const Status status = prepare_scenes(posix_file_system(), options, {});
    EXPECT_EQ(status.code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(status.message(),
                HasSubstr(format("train_dusk_share is {}, expected 0 to 1", share)));
  }
}

}  // namespace
}  // namespace tagalign::data
