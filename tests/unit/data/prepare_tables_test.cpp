// The pure parts of the converters: id tables, run lengths, polygons.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "data/benchmarks/sources/label_maps.h"
#include "data/benchmarks/sources/polygons.h"
#include "data/benchmarks/sources/run_length.h"
#include "tests/support/golden_files.h"
#include "tests/unit/data/prepare_fixture.h"

namespace tagalign::data {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::array kCocoUnused{11, 25, 28, 29, 44, 65, 67, 68, 70, 82, 90};

TEST(CocoStuffIds, All182Ids_BecomeTheTrainIdsInOrder) {
  const ByteTable table = coco_stuff_ids();
  int next = 0;
  for (int id = 0; id < 182; ++id) {
    const bool unused = std::ranges::count(kCocoUnused, id) > 0;
    EXPECT_EQ(table[static_cast<std::size_t>(id)], unused ? id : next) << id;
    if (!unused) ++next;
  }
  EXPECT_EQ(next, 171);
  for (std::size_t id = 182; id < 256; ++id) EXPECT_EQ(table[id], id);
}

TEST(CocoObjectIds, All256Ids_EqualTheReferenceScript) {
  TA_REQUIRE_GOLDEN("preprocess/preprocess.safetensors");
  const auto golden = testing::read_golden_safetensors("preprocess/preprocess.safetensors");
  const auto& before = golden.at("coco_object.input").bytes;
  const auto& after = golden.at("coco_object.output").bytes;
  ASSERT_EQ(before.size(), 256U);
  const ByteTable table = coco_object_ids();
  std::set<int> seen;
  for (std::size_t i = 0; i < before.size(); ++i) {
    const auto id = std::to_integer<std::size_t>(before[i]);
    seen.insert(static_cast<int>(id));
    EXPECT_EQ(table[id], std::to_integer<int>(after[i])) << id;
  }
  EXPECT_EQ(seen.size(), 256U);
}

TEST(CocoObjectIds, ThingsStuffAndUnlabelled_AreThingsAndBackground) {
  const ByteTable table = coco_object_ids();
  EXPECT_EQ(table[0], 1);    // person
  EXPECT_EQ(table[89], 80);  // toothbrush
  EXPECT_EQ(table[91], 0);   // banner: stuff
  EXPECT_EQ(table[181], 0);  // wood
  EXPECT_EQ(table[255], 0);  // unlabelled
  EXPECT_EQ(table[11], 11);  // street sign: never used, stays
  EXPECT_EQ(table[200], 200);
}

TEST(CityscapesIds, The34Ids_Become19ClassesOrIgnored) {
  const ByteTable table = cityscapes_ids();
  const std::map<std::size_t, int> classes{{7, 0},   {8, 1},   {11, 2},  {12, 3},  {13, 4},
                                           {17, 5},  {19, 6},  {20, 7},  {21, 8},  {22, 9},
                                           {23, 10}, {24, 11}, {25, 12}, {26, 13}, {27, 14},
                                           {28, 15}, {31, 16}, {32, 17}, {33, 18}};
  for (std::size_t id = 0; id < 256; ++id)
    EXPECT_EQ(table[id], classes.contains(id) ? classes.at(id) : 255) << id;
}

TEST(CityscapesNames, GroupsPlatesAndStrangers_AreTold) {
  EXPECT_EQ(cityscapes_id_of("car").train_id, 13);
  EXPECT_EQ(cityscapes_id_of("cargroup").train_id, 13);
  EXPECT_EQ(cityscapes_id_of("polegroup").train_id, 255);
  EXPECT_EQ(cityscapes_id_of("license plate").label, CityscapesLabel::kNotDrawn);
  EXPECT_EQ(cityscapes_id_of("dragon").label, CityscapesLabel::kUnknown);
}

TEST(PascalContextIds, The59Categories_AreNumberedInOrder) {
  EXPECT_EQ(pascal_context_id(0), 0);
  EXPECT_EQ(pascal_context_id(2), 1);     // aeroplane
  EXPECT_EQ(pascal_context_id(284), 37);  // person
  EXPECT_EQ(pascal_context_id(458), 59);  // wood
  EXPECT_EQ(pascal_context_id(1), std::nullopt);
  EXPECT_EQ(pascal_context_id(-1), std::nullopt);
  EXPECT_EQ(pascal_context_id(459), std::nullopt);
  int known = 0;
  for (std::int64_t category = 0; category < 460; ++category) {
    const auto id = pascal_context_id(category);
    if (!id) continue;
    EXPECT_EQ(*id, known);
    ++known;
  }
  EXPECT_EQ(known, 60);
}

TEST(ApplyTable, IdAbove255_IsReturned) {
  LabelMap label{2, 1, {3, 300}};
  EXPECT_EQ(apply_table(cityscapes_ids(), label), 300);
}

TEST(RunLengths, LettersOfCoco_AreTheirNumbers) {
  // 5; 16 needs a second group, because bit 5 is the sign; 100; then 16 − 1 and 100
  // − 2 as differences.
  EXPECT_THAT(*decode_run_lengths("5`0T3ON"), ElementsAre(5, 16, 100, 15, 98));
}

TEST(RunLengths, RandomMasks_ComeBack) {
  const MaskSize size{37, 53};
  std::uint32_t state = 1;
  std::vector<int> mask;
  while (mask.size() < static_cast<std::size_t>(size.height * size.width)) {
    state = state * 1664525 + 1013904223;
    mask.insert(mask.end(), state >> 27, static_cast<int>(state >> 26 & 1));
  }
  mask.resize(static_cast<std::size_t>(size.height * size.width));
  const auto runs = decode_run_lengths(compressed_runs(size.height, size.width, mask));
  ASSERT_TRUE(runs.ok()) << runs.status().to_string();
  ASSERT_GT(runs->size(), 20U);
  std::vector<std::uint16_t> ids(mask.size());
  ASSERT_TRUE(paint_runs(*runs, size, 1, ids).ok());
  EXPECT_THAT(ids, ::testing::ElementsAreArray(mask));
}

TEST(RunLengths, BrokenTexts_AreRefused) {
  EXPECT_THAT(decode_run_lengths("5`").status().message(), HasSubstr("character 1 of 2"));
  EXPECT_EQ(decode_run_lengths("5 5").status().code(), ErrorCode::kDataLoss);
  EXPECT_EQ(decode_run_lengths("o").status().code(), ErrorCode::kDataLoss);
  EXPECT_EQ(decode_run_lengths("oooooooo0").status().code(), ErrorCode::kDataLoss);
  EXPECT_EQ(decode_run_lengths("N").status().code(), ErrorCode::kDataLoss);  // −2
  EXPECT_TRUE(decode_run_lengths("").ok());
}

TEST(RunLengths, RunsOfAnotherSize_AreRefused) {
  std::vector<std::uint16_t> ids(6);
  EXPECT_EQ(paint_runs({4, 3}, {2, 3}, 1, ids).code(), ErrorCode::kDataLoss);
  EXPECT_EQ(paint_runs({4, 1}, {2, 3}, 1, ids).code(), ErrorCode::kDataLoss);
  EXPECT_EQ(paint_runs({UINT32_MAX, 7}, {2, 3}, 1, ids).code(), ErrorCode::kDataLoss);
}

std::string drawn(const std::vector<PolygonPoint>& points) {
  LabelMap label{8, 6, std::vector<std::uint16_t>(48)};
  fill_polygon(points, 1, label);
  std::string rows;
  for (std::size_t i = 0; i < label.ids.size(); ++i) {
    rows += label.ids[i] != 0 ? '#' : '.';
    if (i % 8 == 7) rows += '\n';
  }
  return rows;
}

// Expected drawings: Pillow 9.5.0's ImageDraw.polygon.
TEST(FillPolygon, Shapes_AreDrawnAsPillowDrawsThem) {
  EXPECT_EQ(drawn({{1, 1}, {5, 1}, {5, 4}, {1, 4}}),
            "........\n.#####..\n.#####..\n.#####..\n.#####..\n........\n");
  EXPECT_EQ(drawn({{0, 0}, {7, 3}, {2, 5}}),
            "#.......\n###.....\n.#####..\n.#######\n..###...\n..#.....\n");
  EXPECT_EQ(drawn({{3, 0}, {6, 3}, {3, 5}, {0, 2}}),
            "...#....\n..###...\n######..\n.######.\n..###...\n...#....\n");
  EXPECT_EQ(drawn({{1, 0}, {6, 0}, {6, 5}, {4, 5}, {4, 2}, {1, 2}}),
            ".######.\n.######.\n.######.\n....###.\n....###.\n....###.\n");
}

TEST(FillPolygon, PointsOutside_AreCutOff) {
  EXPECT_EQ(drawn({{-5, -5}, {20, -5}, {20, 20}, {-5, 20}}),
            "########\n########\n########\n########\n########\n########\n");
  EXPECT_EQ(drawn({{10, 10}, {20, 10}, {20, 20}}),
            "........\n........\n........\n........\n........\n........\n");
  EXPECT_EQ(drawn({{-1e300, -1e300}, {1e300, -1e300}, {1e300, 1e300}, {-1e300, 1e300}}),
            "########\n########\n########\n########\n########\n########\n");
  EXPECT_EQ(drawn({{3, 3}}), "........\n........\n........\n........\n........\n........\n");
}

}  // namespace
}  // namespace tagalign::data
