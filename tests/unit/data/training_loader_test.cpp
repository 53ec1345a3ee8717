#include "data/training/training_loader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "tests/support/fault_file_system.h"
#include "tests/unit/data/image_samples.h"
#include "tests/unit/data/temporary_folder.h"

namespace tagalign::data {
namespace {

using ::testing::HasSubstr;

class TrainingLoaderTest : public ::testing::Test {
 protected:
  /// A data set of `count` images; those in `contents` hold these bytes instead.
  CaptionDataset make_dataset(int count, const std::map<int, std::string>& contents = {}) {
    std::string csv = "file,caption\n";
    for (int i = 0; i < count; ++i) {
      const std::string name = std::to_string(i) + ".png";
      const auto special = contents.find(i);
      folder_.write("images/" + name, special != contents.end()
                                          ? special->second
                                          : encode_png(sample_image(20 + i % 3, 24, i * 7)));
      csv += name + ",caption " + std::to_string(i) + "\n";
    }
    folder_.write("captions.csv", csv);
    return reopen(posix_file_system());
  }
  /// The same, read through `files`.
  CaptionDataset reopen(FileSystem& files) {
    return CaptionDataset::open(files, {.root = folder_.path() / "images",
                                        .captions = folder_.path() / "captions.csv",
                                        .tags = {},
                                        .tag_names = {}})
        .value();
  }

  /// Every third image has attributes.
  CaptionDataset with_attributes(int count) {
    const CaptionDataset plain = make_dataset(count);
    std::string entries;
    for (int i = 0; i < count; i += 3)
      entries +=
          (i == 0 ? "{\"" : ",\"") + std::to_string(i) + ".png\": [" + std::to_string(i) + "]";
    std::string names;
    for (int i = 0; i < count; ++i) names += "attribute " + std::to_string(i) + "\n";
    CaptionDatasetOptions options{.root = plain.root()};
    options.captions = folder_.path() / "captions.csv";
    options.attributes = folder_.write("attributes.json", entries + "}");
    options.attribute_names = folder_.write("attributes.txt", names);
    return CaptionDataset::open(posix_file_system(), options).value();
  }

  static LoaderOptions options(int global_batch) {
    LoaderOptions o;
    o.seed = 11;
    o.global_batch = global_batch;
    o.image_size = 16;
    o.augment.rand_augment = "rand-m9-mstd0.5-inc1";
    o.augment.erase = 0.25;
    return o;
  }

  static std::unique_ptr<TrainingLoader> open(const CaptionDataset& dataset,
                                              const LoaderOptions& o) {
    auto loader = TrainingLoader::create(dataset, o);
    EXPECT_TRUE(loader.ok()) << loader.status().to_string();
    return std::move(loader).value();
  }

  TemporaryFolder folder_;
};

TEST_F(TrainingLoaderTest, Attributes_StayWithTheirImages_WhateverRanksAndThreads) {
  const CaptionDataset dataset = with_attributes(10);
  for (const int world : {1, 2}) {
    LoaderOptions o = options(4);
    o.world = world;
    o.rank = world - 1;
    o.threads = world;
    const auto loader = open(dataset, o);
    for (int step = 0; step < 5; ++step) {
      const TrainingBatch batch = loader->next().value();
      ASSERT_EQ(batch.attributes.size(), batch.records.size());
      for (std::size_t i = 0; i < batch.records.size(); ++i) {
        const auto number = static_cast<std::int32_t>(batch.records[i]);
        const bool has = number % 3 == 0;
        EXPECT_EQ(batch.attributes[i],
                  has ? std::vector<std::int32_t>{number} : std::vector<std::int32_t>());
      }
    }
  }
}

TEST_F(TrainingLoaderTest, AnyThreadCountAndCache_GiveTheSameBits) {
  // JPEGs: whole ones are kept, of others a part is decoded.
  const CaptionDataset dataset = make_dataset(10, {{3, ""},
                                                   {5, encode_jpeg(sample_image(90, 70), 90)},
                                                   {6, encode_jpeg(sample_image(20, 30), 80)},
                                                   {8, progressive_jpeg(sample_image(50, 40))}});
  LoaderOptions o = options(4);
  o.threads = 0;
  o.cache_bytes_max = 0;
  const auto reference = open(dataset, o);
  std::vector<TrainingBatch> expected;
  for (int step = 0; step < 7; ++step) expected.push_back(reference->next().value());
  for (const int threads : {1, 2, 5}) {
    o.threads = threads;
    o.prefetch_batches = threads;
    o.cache_bytes_max = threads == 2 ? 3000 : 1 << 20;
    const auto loader = open(dataset, o);
    for (const TrainingBatch& batch : expected) {
      const TrainingBatch actual = loader->next().value();
      EXPECT_EQ(actual.images, batch.images);
      EXPECT_EQ(actual.captions, batch.captions);
      EXPECT_EQ(actual.records, batch.records);
      EXPECT_EQ(actual.notices, batch.notices);
    }
  }
}

TEST_F(TrainingLoaderTest, FastDecoding_GivesTheSameBitsWheneverAndWhereverASampleIsLoaded) {
  const CaptionDataset dataset = make_dataset(6, {{1, encode_jpeg(sample_image(190, 170), 90)},
                                                  {4, encode_jpeg(sample_image(90, 70), 80)},
                                                  {5, progressive_jpeg(sample_image(99, 140))}});
  LoaderOptions o = options(6);
  const auto exact = open(dataset, o);
  o.decoding = Decoding::kFast;
  const auto first = open(dataset, o);
  EXPECT_NE(first->next()->images, exact->next()->images);
  const TrainingBatch expected = first->next().value();
  o.first_sample = 6;  // a run that is resumed has seen no image yet
  for (const int threads : {0, 3}) {
    o.threads = threads;
    o.cache_bytes_max = threads == 0 ? 0 : 1 << 24;
    EXPECT_EQ(open(dataset, o)->next()->images, expected.images);
  }
}

TEST_F(TrainingLoaderTest, AnySplitIntoRanks_GivesTheSameGlobalBatch) {
  const CaptionDataset dataset = make_dataset(9);
  for (const int world : {2, 4}) {
    std::vector<std::unique_ptr<TrainingLoader>> ranks;
    for (int rank = 0; rank < world; ++rank) {
      LoaderOptions o = options(4);
      o.rank = rank;
      o.world = world;
      ranks.push_back(open(dataset, o));
    }
    const auto fresh = open(dataset, options(4));
    for (int step = 0; step < 5; ++step) {
      const TrainingBatch expected = fresh->next().value();
      BatchPixels images;
      std::vector<std::size_t> records;
      for (const auto& rank : ranks) {
        const TrainingBatch slice = rank->next().value();
        EXPECT_EQ(slice.size, 4 / world);
        images.insert(images.end(), slice.images.begin(), slice.images.end());
        records.insert(records.end(), slice.records.begin(), slice.records.end());
      }
      EXPECT_EQ(images, expected.images);
      EXPECT_EQ(records, expected.records);
    }
  }
}

TEST_F(TrainingLoaderTest, StartInTheMiddle_ContinuesTheSameRun) {
  const CaptionDataset dataset = make_dataset(7);
  const auto whole = open(dataset, options(3));
  for (int step = 0; step < 4; ++step) ASSERT_TRUE(whole->next().ok());
  LoaderOptions o = options(3);
  o.first_sample = 12;
  const auto resumed = open(dataset, o);
  for (int step = 0; step < 4; ++step)
    EXPECT_EQ(resumed->next().value().images, whole->next().value().images);
}

TEST_F(TrainingLoaderTest, EveryEpoch_UsesEveryRecordOnce_InAnotherOrder) {
  const CaptionDataset dataset = make_dataset(12);
  const auto loader = open(dataset, options(4));
  std::vector<std::vector<std::size_t>> epochs(3);
  for (auto& epoch : epochs) {
    for (int step = 0; step < 3; ++step) {
      const TrainingBatch batch = loader->next().value();
      epoch.insert(epoch.end(), batch.records.begin(), batch.records.end());
      for (std::size_t i = 0; i < 4; ++i)
        EXPECT_EQ(batch.captions[i], "caption " + std::to_string(batch.records[i]));
    }
    EXPECT_EQ(std::set<std::size_t>(epoch.begin(), epoch.end()).size(), 12U);
  }
  EXPECT_NE(epochs[0], epochs[1]);
  EXPECT_NE(epochs[1], epochs[2]);
}

TEST_F(TrainingLoaderTest, BrokenImages_AreReplacedByTheNextReadable_AndNamedOnce) {
  const CaptionDataset dataset =
      make_dataset(8, {{2, ""},
                       {3, "not an image"},
                       {5, encode_png(sample_image(20, 20)).substr(0, 60)},
                       {7, std::string(100, '\0')}});
  std::filesystem::remove(folder_.path() / "images/6.png");
  const auto loader = open(dataset, options(8));
  std::vector<std::string> notices;
  for (int step = 0; step < 3; ++step) {
    const TrainingBatch batch = loader->next().value();
    EXPECT_EQ(batch.replaced, 5U);
    EXPECT_EQ(std::count(batch.records.begin(), batch.records.end(), 4U), 3)
        << "its own turn and those of 2 and 3";
    EXPECT_EQ(std::count(batch.records.begin(), batch.records.end(), 0U), 4)
        << "its own turn and those of 5, 6 and 7";
    notices.insert(notices.end(), batch.notices.begin(), batch.notices.end());
  }
  EXPECT_EQ(notices.size(), 5U);
  for (const char* name : {"2.png", "3.png", "5.png", "6.png", "7.png"}) {
    EXPECT_EQ(std::count_if(notices.begin(), notices.end(),
                            [&](const std::string& n) {
                              return n.find(std::string("images/") + name) != std::string::npos;
                            }),
              1)
        << name;
  }
}

TEST_F(TrainingLoaderTest, WhatCannotBeOpened_IsReplaced_AndNamedOnce) {
  const CaptionDataset dataset = make_dataset(8);
  const Path images = folder_.path() / "images";
  for (const char* name : {"1.png", "3.png", "5.png"}) std::filesystem::remove(images / name);
  std::filesystem::create_symlink("1.png", images / "1.png");
  ASSERT_EQ(::mkfifo((images / "3.png").c_str(), 0600), 0);
  std::filesystem::create_symlink("/dev/zero", images / "5.png");
  std::filesystem::remove(images / "6.png");
  std::filesystem::create_directory(images / "6.png");
  const TrainingBatch batch = open(dataset, options(8))->next().value();
  EXPECT_EQ(std::set<std::size_t>(batch.records.begin(), batch.records.end()),
            (std::set<std::size_t>{0, 2, 4, 7}));
  EXPECT_THAT(batch.notices,
              ::testing::UnorderedElementsAre(HasSubstr("1.png: Too many levels of symbolic links"),
                                              HasSubstr("a FIFO"), HasSubstr("a device"),
                                              HasSubstr("a folder")));
}

TEST_F(TrainingLoaderTest, FaultOfOneFile_IsReplaced_TroubleOfTheMachineEndsTheTraining) {
  make_dataset(4);
  const Path second = folder_.path() / "images/1.png";
  for (const int error : {ESTALE, EUCLEAN, EREMOTEIO, ETIMEDOUT, ENXIO, EIO, ENODATA, 512}) {
    testing_support::FaultFileSystem files(posix_file_system());
    files.fail_reads(second, errno_status(error, "open " + second.string()));
    const CaptionDataset dataset = reopen(files);
    const auto loader = TrainingLoader::create(dataset, options(4)).value();
    const auto batch = loader->next();
    ASSERT_TRUE(batch.ok()) << error;
    EXPECT_THAT(batch->notices, ::testing::ElementsAre(HasSubstr("1.png"))) << error;
  }
  testing_support::FaultFileSystem files(posix_file_system());
  files.fail_reads(second, errno_status(EMFILE, "open " + second.string()));
  const CaptionDataset dataset = reopen(files);
  const auto loader = TrainingLoader::create(dataset, options(4)).value();
  EXPECT_EQ(loader->next().status().code(), ErrorCode::kUnavailable);
}

TEST_F(TrainingLoaderTest, AllImagesGoneAtOnce_IsTroubleOfThePlace_NotOfTheData) {
  make_dataset(5);
  testing_support::FaultFileSystem files(posix_file_system());
  for (const char* name : {"0.png", "1.png", "2.png", "3.png", "4.png"})
    files.fail_reads(folder_.path() / "images" / name, errno_status(ESTALE, "open"));
  const CaptionDataset dataset = reopen(files);
  const auto batch = open(dataset, options(4))->next();
  EXPECT_EQ(batch.status().code(), ErrorCode::kUnavailable);
  EXPECT_TRUE(batch.status().is_of_the_place());
  EXPECT_THAT(batch.status().message(), HasSubstr("5 one behind the other"));
}

TEST_F(TrainingLoaderTest, SixteenBitAndCmykImages_AreUsedWithoutNotice) {
  const CaptionDataset dataset =
      make_dataset(3, {{0, sixteen_bit_png(20, 20)}, {1, cmyk_jpeg(20, 20)}});
  const TrainingBatch batch = open(dataset, options(3))->next().value();
  EXPECT_TRUE(batch.notices.empty());
  EXPECT_EQ(std::set<std::size_t>(batch.records.begin(), batch.records.end()).size(), 3U);
}

TEST_F(TrainingLoaderTest, NothingReadable_IsDataLossWithTheFirstReason) {
  const CaptionDataset dataset = make_dataset(3, {{0, ""}, {1, "x"}, {2, ""}});
  for (const int threads : {0, 2}) {
    LoaderOptions o = options(2);
    o.threads = threads;
    const Status status = open(dataset, o)->next().status();
    EXPECT_EQ(status.code(), ErrorCode::kDataLoss);
    EXPECT_THAT(status.message(), HasSubstr("none of the 3 images"));
  }
}

TEST_F(TrainingLoaderTest, ImpossibleOptions_AreRefused) {
  const CaptionDataset dataset = make_dataset(3);
  const auto message = [&](const LoaderOptions& o) {
    return TrainingLoader::create(dataset, o).status().message();
  };
  LoaderOptions o = options(3);
  o.world = 2;
  EXPECT_THAT(message(o), HasSubstr("2 ranks divide evenly, found 3"));
  o = options(4);
  o.first_sample = 6;
  EXPECT_THAT(message(o), HasSubstr("multiple of the global batch 4, found 6"));
  o = options(4);
  o.rank = 1;
  EXPECT_THAT(message(o), HasSubstr("rank 1 of 1"));
  o = options(4);
  o.augment.flip = 2;
  EXPECT_THAT(message(o), HasSubstr("augment.flip"));
}

TEST_F(TrainingLoaderTest, DestroyedWhileDecoding_Returns) {
  const CaptionDataset dataset = make_dataset(5);
  for (int i = 0; i < 20; ++i) {
    LoaderOptions o = options(4);
    o.threads = 3;
    const auto loader = open(dataset, o);
    if (i % 2 == 0) {
      ASSERT_TRUE(loader->next().ok());
    }
  }
}

}  // namespace
}  // namespace tagalign::data
