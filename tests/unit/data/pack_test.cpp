// data/pack: what a shard holds, and that any way to get there makes the same bytes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "base/format.h"
#include "data/datasets/caption_dataset.h"
#include "data/image/image.h"
#include "data/pack/pack.h"
#include "data/sources/shard_set.h"
#include "tests/unit/data/image_samples.h"
#include "tests/unit/data/temporary_folder.h"

namespace tagalign::data {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

FileSystem& files() {
  return posix_file_system();
}

/// Grey values that tell the images apart.
Image picture(int width, int height, int value) {
  Image image{width, height, 3, {}};
  for (int i = 0; i < width * height * 3; ++i)
    image.pixels.push_back(static_cast<std::uint8_t>((value * 37 + i / 3) % 256));
  return image;
}

class PackTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string captions = "file,caption\n";
    for (int i = 0; i < 40; ++i) {
      const std::string name = format("{:02}.{}", i, i % 3 == 0 ? "png" : "jpg");
      const Image image = picture(48 + i, 36, i);
      folder_.write("images/" + name, i % 3 == 0 ? encode_png(image) : encode_jpeg(image, 95));
      captions += format("{},\"picture {}, with \"\"quotes\"\"\"\n", name, i);
    }
    folder_.write("images/broken.jpg", "no image at all");
    captions += "broken.jpg,never seen\nabsent.jpg,never there\n";
    options_.sources = {(folder_.path() / "images").string(),
                        folder_.write("captions.csv", captions).string()};
    options_.size = {.short_side = 24, .quality = 80};
    options_.shard_bytes = 40'000;
    options_.threads = 2;
  }

  PackReport pack_to(const std::string& name, std::size_t world = 1) {
    options_.output = folder_.path() / name;
    PackReport report;
    for (std::size_t rank = 0; rank < world; ++rank) {
      auto packing = Packing::open(files(), options_);
      EXPECT_TRUE(packing.ok()) << packing.status().to_string();
      if (!packing.ok()) return report;
      EXPECT_TRUE((*packing)->pack({rank, world}, {}, {}).value());
      if (rank + 1 == world) report = (*packing)->finish().value();
    }
    return report;
  }

  /// Contents of all files below the folder, without the indexes, which hold times.
  std::map<std::string, std::string> contents(const std::string& name) {
    std::map<std::string, std::string> found;
    const auto names = files().list_directory(folder_.path() / name).value();
    for (const std::string& file : names) {
      if (file == ".tagalign-index") continue;
      found[file] = files().read_file(folder_.path() / name / file, 1u << 30).value();
    }
    return found;
  }

  CaptionDataset open(const std::string& name) {
    return CaptionDataset::open(
               files(),
               {.root = folder_.path() / name, .captions = {}, .tags = {}, .tag_names = {}})
        .value();
  }

  TemporaryFolder folder_;
  PackOptions options_;
};

TEST_F(PackTest, Shards_HoldSmallJpegsWithTheirCaptions) {
  const PackReport report = pack_to("packed");
  EXPECT_EQ(report.images, 40u);
  EXPECT_EQ(report.dropped, 2u);
  EXPECT_GT(report.shards, 1u);
  const CaptionDataset packed = open("packed");
  ASSERT_EQ(packed.size(), 40u);
  for (std::size_t i = 0; i < 40; ++i) {
    EXPECT_EQ(packed.record(i).caption, format("picture {}, with \"quotes\"", i));
    const std::string bytes = packed.read_image(i).value();
    EXPECT_TRUE(bytes.starts_with("\xff\xd8"));
    const Image image = decode_image(bytes, ReadAs::kTraining, "a").value();
    EXPECT_EQ(image.height, 24);
    EXPECT_EQ(image.width, (48 + static_cast<int>(i)) * 24 / 36);
  }
  EXPECT_THAT(contents("packed").at("dropped.csv"),
              AllOf(HasSubstr("file,reason\n"), HasSubstr("\"broken.jpg\",\""),
                    HasSubstr("\"absent.jpg\",\"")));
}

TEST_F(PackTest, AnyNumberOfProcesses_MakesTheSameBytes) {
  pack_to("one", 1);
  pack_to("two", 2);
  options_.threads = 1;
  pack_to("three", 3);
  EXPECT_EQ(contents("one"), contents("two"));
  EXPECT_EQ(contents("one"), contents("three"));
}

TEST_F(PackTest, LeftAfterAnyBatch_GoesOnToTheSameBytes) {
  options_.shard_bytes = 120'000;  // some batches each
  pack_to("calm");
  options_.output = folder_.path() / "stopped";
  options_.threads = 1;
  int rounds = 0;
  for (bool whole = false; !whole; ++rounds) {
    ASSERT_LT(rounds, 50);
    auto packing = Packing::open(files(), options_).value();
    int asked = 0;
    // Each round gets through one more batch than the last, so that every place is left once.
    const auto stop = [&] { return asked++ > rounds / 4; };
    whole = packing->pack({}, stop, {}).value();
    if (whole) (void)packing->finish().value();
  }
  EXPECT_GT(rounds, 3);
  EXPECT_EQ(contents("calm"), contents("stopped"));
}

TEST_F(PackTest, BytesAsTheyAre_GiveTheSameDigest) {
  options_.size.short_side = 0;
  pack_to("packed");
  std::string captions = "file,caption\n";
  for (int i = 0; i < 40; ++i)
    captions +=
        format("{:02}.{},\"picture {}, with \"\"quotes\"\"\"\n", i, i % 3 == 0 ? "png" : "jpg", i);
  const auto whole =
      CaptionDataset::open(files(), {.root = folder_.path() / "images",
                                     .captions = folder_.write("whole.csv", captions),
                                     .tags = {},
                                     .tag_names = {}})
          .value();
  EXPECT_EQ(open("packed").digest(), whole.digest());
}

TEST_F(PackTest, OtherOptionsOrSources_AreRefusedInABegunFolder) {
  pack_to("packed");
  options_.size.quality = 81;
  EXPECT_THAT(Packing::open(files(), options_).status().message(),
              AllOf(HasSubstr("quality 80"), HasSubstr("quality 81")));
  options_.size.quality = 80;
  folder_.write("captions.csv", "file,caption\n00.png,other\n");
  EXPECT_THAT(Packing::open(files(), options_).status().message(), HasSubstr("42 images"));
}

TEST_F(PackTest, TwoFilesOfCaptions_AreRefused) {
  options_.sources.push_back(folder_.write("more.csv", "file,caption\na,b\n").string());
  options_.output = folder_.path() / "packed";
  EXPECT_THAT(Packing::open(files(), options_).status().message(),
              HasSubstr("one file of captions"));
}

TEST_F(PackTest, NamesThatComeTwice_AreKeptApart) {
  folder_.write("captions.csv",
                "file,caption\n01.jpg,first\n01.jpg,second\n./../01.jpg,odd\n02.jpg,other\n");
  options_.size.short_side = 0;
  const PackReport report = pack_to("packed");
  EXPECT_EQ(report.renamed, 2u);
  const CaptionDataset packed = open("packed");
  std::vector<std::string> names;
  for (std::size_t i = 0; i < packed.size(); ++i) names.emplace_back(packed.record(i).file);
  EXPECT_THAT(names, ElementsAre("01.jpg", "01~2.jpg", "02.jpg"));
}

TEST_F(PackTest, UrlsAndLongNames_StayWithTheirImages) {
  const std::string name = std::string(60, 'a') + "/" + std::string(120, 'b') + "é.jpg";
  folder_.write("tree/" + name, encode_jpeg(picture(40, 30, 1), 90));
  folder_.write("tree/" + name.substr(0, name.size() - 4) + ".txt", "a caption\n\n");
  folder_.write("tree/" + name.substr(0, name.size() - 4) + ".json",
                R"({"url": "http://x/é?a=\"b\"", "status": "success"})");
  options_.sources = {(folder_.path() / "tree").string()};
  EXPECT_EQ(pack_to("packed").images, 1u);
  const auto packed = CaptionDataset::open(files(), {.root = folder_.path() / "packed",
                                                     .captions = {},
                                                     .tags = {},
                                                     .tag_names = {},
                                                     .keep_urls = true})
                          .value();
  EXPECT_EQ(packed.record(0).file, name);
  EXPECT_EQ(packed.record(0).caption, "a caption\n");
  EXPECT_EQ(packed.url(0), "http://x/é?a=\"b\"");
}

TEST(PackedName, WhatLeadsOut_IsLeftOut) {
  EXPECT_EQ(packed_name("./a/../b//c.JPG"), "a/b/c.JPG");
  EXPECT_EQ(packed_name("/etc/passwd"), "etc/passwd.jpg");
  EXPECT_EQ(packed_name("photo.jpg?w=3"), "photo.jpg?w=3.jpg");
  EXPECT_EQ(packed_name(".hidden.png"), ".hidden.png.jpg");
  EXPECT_EQ(packed_name(""), ".jpg");
}

}  // namespace
}  // namespace tagalign::data
