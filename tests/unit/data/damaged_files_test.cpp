// Readers meet truncated and mutated files: they return a value or a Status that names the
// file, and never crash.
#include <gtest/gtest.h>

#include "base/random.h"
#include "base/utf8.h"
#include "data/datasets/caption_dataset.h"
#include "data/datasets/csv.h"
#include "data/image/image.h"
#include "tests/unit/data/image_samples.h"
#include "tests/unit/data/temporary_folder.h"

namespace tagalign::data {
namespace {

/// Version `number` of a file: cut somewhere, or with a few bytes changed, removed or doubled.
std::string damage(const std::string& bytes, std::uint64_t number) {
  RandomStream stream({3, 0, number}, StreamPurpose::kTest);
  std::string out = bytes;
  if (number % 4 == 0) return out.substr(0, stream.below(out.size() + 1));
  for (auto changes = 1 + stream.below(6); changes > 0 && !out.empty(); --changes) {
    const std::size_t at = stream.below(out.size());
    const auto kind = stream.below(4);
    if (kind == 0)
      out.erase(at, 1 + stream.below(8));
    else if (kind == 1)
      out.insert(at, out.substr(at, stream.below(8)));
    else
      out[at] = static_cast<char>(stream.next_u32());
  }
  return out;
}

void decode_all(const std::string& bytes, std::uint64_t number, int& failed) {
  for (const ReadAs mode : {ReadAs::kTraining, ReadAs::kEvaluation}) {
    const Result<Image> image = decode_image(bytes, mode, "damaged");
    if (image.ok()) {
      const std::size_t pixels =
          static_cast<std::size_t>(image->width) * static_cast<std::size_t>(image->height);
      ASSERT_EQ(image->pixels.size(), pixels * 3) << number;
    } else {
      ++failed;
      ASSERT_NE(image.status().message().find("damaged"), std::string::npos) << number;
    }
  }
  const Result<LabelMap> label = decode_label_png(bytes, "damaged");
  if (label.ok()) {
    const auto width = static_cast<std::size_t>(label->width);
    ASSERT_EQ(label->ids.size(), width * static_cast<std::size_t>(label->height));
  }
}

TEST(DamagedImages, ThousandsOfVariants_NeverCrash) {
  const std::vector<std::string> originals{encode_png(sample_image(24, 20)), sixteen_bit_png(9, 9),
                                           encode_jpeg(sample_image(40, 24), 85),
                                           cmyk_jpeg(16, 16)};
  int failed = 0;
  for (std::size_t i = 0; i < originals.size(); ++i) {
    for (std::uint64_t number = 0; number < 700; ++number)
      decode_all(damage(originals[i], number * 4 + i), number, failed);
  }
  EXPECT_GT(failed, 1000);
}

TEST(DamagedTables, AThousandVariants_NeverCrash) {
  const TemporaryFolder folder;
  const std::string csv =
      "file,caption\na.png,\"a \"\"big\"\" dog,\nrunning\"\nb.png,caf\xc3\xa9\n";
  const std::string json = R"({"a.png": [0, 1], "b.png": []})";
  folder.write("names.txt", "dog\ncat\n");
  int failed = 0;
  for (std::uint64_t number = 0; number < 1000; ++number) {
    const bool damage_csv = number % 2 == 0;
    const std::string name = std::to_string(number);
    CaptionDatasetOptions options{.root = folder.path()};
    options.captions = folder.write(name + ".csv", damage_csv ? damage(csv, number / 2) : csv);
    options.tags = folder.write(name + ".json", damage_csv ? json : damage(json, number / 2));
    options.tag_names = folder.path() / "names.txt";
    const Result<CaptionDataset> dataset = CaptionDataset::open(posix_file_system(), options);
    if (dataset.ok()) continue;
    ++failed;
    const std::string& message = dataset.status().message();
    ASSERT_TRUE(message.find(".csv") != std::string::npos ||
                message.find(".json") != std::string::npos)
        << message;
  }
  EXPECT_GT(failed, 200);
}

TEST(RepairUtf8, RandomBytes_BecomeValidUtf8) {
  RandomStream stream({4, 0, 0}, StreamPurpose::kTest);
  for (int i = 0; i < 500; ++i) {
    std::string text;
    for (auto n = stream.below(40); n > 0; --n) text += static_cast<char>(stream.next_u32());
    std::size_t replaced = 0;
    const std::string repaired = repair_utf8(text, replaced);
    std::size_t again = 0;
    EXPECT_EQ(repair_utf8(repaired, again), repaired);
    EXPECT_EQ(again, 0U);
  }
}

}  // namespace
}  // namespace tagalign::data
