// The same images, captions and tags in every form in which a download leaves them: the same
// records, order and batches.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/datasets/caption_dataset.h"
#include "data/sources/files/sha1.h"
#include "data/training/training_loader.h"
#include "tests/unit/data/image_samples.h"
#include "tests/unit/data/shard_samples.h"
#include "tests/unit/data/temporary_folder.h"

namespace tagalign::data {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int kImages = 12;

std::string key_of_image(int i) {
  return "00000000" + std::to_string(i / 10) + std::to_string(i % 10);
}
std::string url_of(int i) {
  return "http://a.example/" + std::to_string(i) + ".jpg?size=big";
}
std::string caption_of(int i) {
  if (i == 3) return "\xe4\xb8\x80\xe5\x8f\xaa\xe7\x8b\x97";  // Chinese: stays with its own tags
  return i == 5 ? "" : "caption " + std::to_string(i);
}

class CaptionFormsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string csv = "file,caption\n", tags;
    for (int i = 0; i < kImages; ++i) {
      const std::string file = key_of_image(i) + ".jpg";
      images_.push_back({file, encode_png(sample_image(20 + i % 3, 24, i * 7))});
      folder_.write("images/" + file, images_.back().second);
      csv += file + "," + caption_of(i) + "\n";
      tags += (tags.empty() ? "{\"" : ",\"") + file + "\": [" + std::to_string(i % 2) + "]";
    }
    csv_ = folder_.write("captions.csv", csv);
    tags_ = folder_.write("tags.json", tags + "}");
    names_ = folder_.write("names.txt", "dog\ncat\n");
  }

  /// Images `first` … `last` - 1 with texts, as img2dataset writes a shard.
  ArchiveFiles shard(int first, int last) const {
    ArchiveFiles files;
    for (int i = first; i < last; ++i) {
      files.push_back({key_of_image(i) + ".jpg", images_[static_cast<std::size_t>(i)].second});
      files.push_back({key_of_image(i) + ".json", "{\"key\": \"" + key_of_image(i) +
                                                      "\", \"status\": \"success\", \"url\": \"" +
                                                      url_of(i) + "\"}"});
      files.push_back({key_of_image(i) + ".txt", caption_of(i)});
    }
    return files;
  }

  Path tars(const char* format = "pax") {
    const Path root = folder_.path() / format;
    std::filesystem::create_directories(root);
    write_archive(root / "00000.tar", format, shard(0, 5));
    write_archive(root / "00001.tar", format, shard(5, 7));
    write_archive(root / "00002.tar", format, shard(7, kImages));
    return root;
  }

  CaptionDataset open(const Path& root, const Path& captions) const {
    auto dataset = CaptionDataset::open(posix_file_system(), {root, captions, tags_, names_});
    EXPECT_TRUE(dataset.ok()) << dataset.status().to_string();
    return std::move(dataset).value();
  }
  CaptionDataset folder_form() const { return open(folder_.path() / "images", csv_); }

  static std::vector<TrainingBatch> three_epochs(const CaptionDataset& dataset) {
    LoaderOptions o;
    o.seed = 5;
    o.global_batch = 4;
    o.image_size = 16;
    o.threads = 2;
    auto loader = TrainingLoader::create(dataset, o).value();
    std::vector<TrainingBatch> batches;
    for (int step = 0; step < 3 * kImages / 4; ++step) batches.push_back(loader->next().value());
    return batches;
  }

  void expect_same(const CaptionDataset& dataset) {
    const CaptionDataset reference = folder_form();
    EXPECT_EQ(dataset.digest(), reference.digest());
    ASSERT_EQ(dataset.size(), reference.size());
    const auto expected = three_epochs(reference);
    const auto actual = three_epochs(dataset);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      EXPECT_EQ(actual[i].records, expected[i].records);
      EXPECT_EQ(actual[i].images, expected[i].images);
      EXPECT_EQ(actual[i].captions, expected[i].captions);
      EXPECT_EQ(actual[i].tags, expected[i].tags);
      EXPECT_THAT(actual[i].notices, IsEmpty());
    }
  }

  TemporaryFolder folder_;
  ArchiveFiles images_;
  Path csv_, tags_, names_;
};

TEST_F(CaptionFormsTest, TarsWithTheirTexts_EqualTheFolder) {
  for (const char* format : {"ustar", "pax", "gnutar"}) expect_same(open(tars(format), {}));
}

TEST_F(CaptionFormsTest, TarsWithTheCsv_EqualTheFolder) {
  expect_same(open(tars(), csv_));
}

TEST_F(CaptionFormsTest, GzippedTars_EqualTheFolder) {
  const Path root = folder_.path() / "gz";
  std::filesystem::create_directories(root);
  write_archive(root / "0.tar.gz", "ustar", shard(0, 8), nullptr, true);
  write_archive(root / "1.tar.gz", "ustar", shard(8, kImages), nullptr, true);
  expect_same(open(root, {}));
}

TEST_F(CaptionFormsTest, ZipsOfImages_EqualTheFolder) {
  for (const bool deflated : {false, true}) {
    const Path zip = folder_.path() / (deflated ? "deflated.zip" : "stored.zip");
    write_zip(zip, images_, deflated);
    expect_same(open(zip, csv_));
  }
  std::filesystem::create_directories(folder_.path() / "zips");
  write_zip(folder_.path() / "zips/a.zip", {images_.begin(), images_.begin() + 7}, false);
  write_zip(folder_.path() / "zips/b.zip", {images_.begin() + 7, images_.end()}, true);
  expect_same(open(folder_.path() / "zips/*.zip", csv_));
}

TEST_F(CaptionFormsTest, LinesOfUrlAndCaption_FindImagesByJson) {
  std::string tsv;
  for (int i = 0; i < kImages; ++i) {
    tsv += url_of(i) + "\t" + caption_of(i) + "\n";
    tsv += "http://dead.example/" + std::to_string(i) + "\tgone\n";
  }
  const CaptionDataset dataset = open(tars(), folder_.write("cc.tsv", tsv));
  expect_same(dataset);
  EXPECT_THAT(dataset.notices(),
              Contains(AllOf(HasSubstr("12 of 24 captions have an image"), HasSubstr("12 by URL"),
                             HasSubstr("0 images have no caption"))));
}

TEST_F(CaptionFormsTest, LinesOfUrlAndCaption_FindFilesNamedByTheirSha1) {
  std::string tsv, csv = "file,caption\n", tags;
  ArchiveFiles files;
  for (int i = 0; i < kImages; ++i) {
    const std::string file = "ab/" + sha1_hex(url_of(i)) + ".jpg";
    files.push_back({file, images_[static_cast<std::size_t>(i)].second});
    folder_.write("sha/" + file, files.back().second);
    tsv += url_of(i) + "\t" + caption_of(i) + "\n";
    csv += file + "," + caption_of(i) + "\n";
    tags += (tags.empty() ? "{\"" : ",\"") + url_of(i) + "\": [" + std::to_string(i % 2) + "]";
  }
  const Path tsv_file = folder_.write("cc.tsv", tsv);
  const Path url_tags = folder_.write("url_tags.json", tags + "}");
  write_zip(folder_.path() / "sha.zip", files, false);
  std::vector<std::string> digests;
  for (const char* root : {"sha", "sha.zip"}) {
    const auto dataset = CaptionDataset::open(posix_file_system(),
                                              {folder_.path() / root, tsv_file, url_tags, names_});
    ASSERT_TRUE(dataset.ok()) << dataset.status().to_string();
    EXPECT_EQ(dataset->size(), 12U);
    EXPECT_THAT(dataset->record(1).tags, ElementsAre(1));
    EXPECT_EQ(dataset->read_image(1).value(), images_[1].second);
    EXPECT_THAT(dataset->notices(), Contains(HasSubstr("12 by its SHA-1")));
    EXPECT_THAT(dataset->notices(), Contains(HasSubstr("12 by URL, 0 by key")));
    digests.push_back(dataset->digest());
  }
  EXPECT_EQ(digests[0], digests[1]);
}

TEST_F(CaptionFormsTest, TagsByBaseNameOrKey_AreFoundAndTold) {
  const Path csv = folder_.write("sub.csv", "file,caption\n00000/a.jpg,x\n00000/b.jpg,y\n");
  const Path by_base = folder_.write("base.json", R"({"a.jpg": [0], "train/b.jpg": [1]})");
  const auto dataset =
      CaptionDataset::open(posix_file_system(), {folder_.path() / "images", csv, by_base, names_});
  ASSERT_TRUE(dataset.ok()) << dataset.status().to_string();
  EXPECT_THAT(dataset->record(0).tags, ElementsAre(0));
  EXPECT_THAT(dataset->record(1).tags, ElementsAre(1));
  EXPECT_THAT(dataset->notices(), Contains(HasSubstr("by the last part of the path")));
  const Path by_key = folder_.write("key.json", R"({"a": [1], "b": [0]})");
  const auto keyed =
      CaptionDataset::open(posix_file_system(), {folder_.path() / "images", csv, by_key, names_});
  ASSERT_TRUE(keyed.ok()) << keyed.status().to_string();
  EXPECT_THAT(keyed->record(0).tags, ElementsAre(1));
}

TEST_F(CaptionFormsTest, RowThatFitsSeveralImagesByItsLastPart_TakesNone) {
  const Path tar = folder_.path() / "parts.tar";
  write_tar(tar, {{"x/a.jpg", "A"}, {"y/a.jpg", "B"}, {"z/b.jpg", "C"}});
  const Path csv = folder_.write("parts.csv", "file,caption\na.jpg,first\nb.jpg,second\n");
  const auto dataset = CaptionDataset::open(posix_file_system(), {tar, csv, {}, {}});
  ASSERT_TRUE(dataset.ok()) << dataset.status().to_string();
  ASSERT_EQ(dataset->size(), 1U);
  EXPECT_EQ(dataset->record(0).caption, "second");
  EXPECT_EQ(dataset->read_image(0).value(), "C");
  EXPECT_THAT(dataset->notices(), Contains(AllOf(HasSubstr("1 of 2 captions has an image"),
                                                 HasSubstr("2 images have no caption"))));
}

TEST_F(CaptionFormsTest, JoinThatLeavesLessThanHalf_IsRefusedWithExamplesOfBothSides) {
  std::string tags;
  for (int i = 0; i < kImages; ++i)
    tags += (i == 0 ? "{\"" : ",\"") + (i < 5 ? key_of_image(i) : "other" + std::to_string(i)) +
            "\": [0]";
  const Path few = folder_.write("few.json", tags + "}");
  const auto by_tags =
      CaptionDataset::open(posix_file_system(), {folder_.path() / "images", csv_, few, names_});
  EXPECT_THAT(by_tags.status().message(), AllOf(HasSubstr("only 5 records are left of 12"),
                                                HasSubstr("0000000005.jpg"), HasSubstr("other9")));
  const Path tsv = folder_.write("other.tsv", "http://x/1\ta\nhttp://x/2\tb\nhttp://x/3\tc\n");
  const auto by_url = CaptionDataset::open(posix_file_system(), {tars(), tsv, {}, {}});
  EXPECT_EQ(by_url.status().code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(by_url.status().message(),
              AllOf(HasSubstr("only 0 of 3 captions and 12 images"), HasSubstr("http://x/3"),
                    HasSubstr("0000000009.jpg")));
}

TEST_F(CaptionFormsTest, OddShards_AreCountedAndDoNotStop) {
  const Path root = folder_.path() / "odd";
  std::filesystem::create_directories(root);
  ArchiveFiles files = shard(0, 4);
  files.push_back({"lonely.jpg", "no caption"});
  files.push_back({"widow.txt", "no image"});
  write_tar(root / "0.tar", files);
  write_tar(root / "1.tar", shard(3, 9));  // image 3 again
  std::filesystem::resize_file(root / "1.tar", std::filesystem::file_size(root / "1.tar") - 12000);
  const auto dataset = CaptionDataset::open(posix_file_system(), {root, {}, {}, {}});
  ASSERT_TRUE(dataset.ok()) << dataset.status().to_string();
  EXPECT_GE(dataset->size(), 4U);
  EXPECT_LT(dataset->size(), 10U);
  EXPECT_EQ(dataset->record(3).caption, caption_of(3));
  EXPECT_THAT(dataset->notices(),
              AllOf(Contains(HasSubstr("1 image has no caption and is left out")),
                    Contains(HasSubstr("1 caption has no image, in 1 shard,")),
                    Contains(HasSubstr("1 image whose key came before is")),
                    Contains(HasSubstr("images before that are used"))));
}

TEST_F(CaptionFormsTest, BrokenImageInATar_IsNamedWithItsShard) {
  const Path root = folder_.path() / "broken";
  std::filesystem::create_directories(root);
  ArchiveFiles files = shard(0, 4);
  files[3].second = "not an image";
  write_tar(root / "0.tar", files);
  const CaptionDataset dataset = open(root, {});
  LoaderOptions o;
  o.global_batch = 4;
  o.image_size = 16;
  auto loader = TrainingLoader::create(dataset, o).value();
  EXPECT_THAT(loader->next()->notices, ElementsAre(AllOf(HasSubstr("0.tar: 0000000001.jpg"))));
}

}  // namespace
}  // namespace tagalign::data
