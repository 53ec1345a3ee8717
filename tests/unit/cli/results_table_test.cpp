#include "coordinator/cli/convert/results_table.h"
#include "coordinator/cli/convert/published.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include <nlohmann/json.hpp>
#include <sstream>

namespace tagalign::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using wire::EvaluationResult;
using wire::ResultRow;
using wire::Setting;

/// Settings of "v1 attention=surgery window=64"; attention and clip_weight are the method's own.
std::vector<Setting> settings(const std::string& text) {
  std::vector<Setting> list;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    const auto equals = word.find('=');
    if (equals == std::string::npos) {
      list.push_back({"protocol", word, false});
      continue;
    }
    const std::string subject = word.substr(0, equals);
    list.push_back(
        {subject, word.substr(equals + 1), subject == "attention" || subject == "clip_weight"});
  }
  return list;
}

EvaluationResult result(const std::string& method, std::uint64_t step, const std::string& dataset,
                        std::uint64_t hit) {
  EvaluationResult r;
  r.key = method + std::to_string(step) + dataset;
  r.method = method;
  r.step = step;
  r.dataset = dataset;
  r.dataset_digest = "d" + dataset + "0123456789";
  r.weights_digest = "w" + method + std::to_string(step);
  r.protocol = settings("v1 attention=surgery scale=10 clip_weight=0.3 window=64");
  r.code_version = "0.1.0";
  r.images = 2;
  r.classes = {"sky", "road, wet", "ghost"};
  r.intersect = {hit, 50, 0};
  r.union_ = {100, 100, 0};
  r.predicted = {hit, 100, 0};
  r.labelled = {100, 50, 0};
  return r;
}

std::vector<ResultRow> rows(std::vector<EvaluationResult> results) {
  std::vector<ResultRow> out;
  for (auto& r : results) out.push_back({JobId{7}, std::move(r), 0});
  return out;
}

TEST(Scores, Counts_GiveMeansOverTheClassesThatOccur) {
  const Scores scores = scores_of(result("a", 0, "x", 25));
  EXPECT_THAT(scores.iou, ElementsAre(0.25, 0.5, std::nullopt));
  EXPECT_EQ(scores.mean_iou, 0.375);
  EXPECT_THAT(scores.accuracy, ElementsAre(0.25, 1.0, std::nullopt));
  EXPECT_EQ(scores.mean_accuracy, 0.625);
  EXPECT_EQ(scores.pixel_accuracy, 0.5);
}

TEST(Scores, WithoutAnyPixel_AreNothing) {
  EvaluationResult r;
  r.classes = {"a"};
  r.intersect = r.union_ = r.predicted = r.labelled = {0};
  const Scores scores = scores_of(r);
  EXPECT_EQ(scores.mean_iou, std::nullopt);
  EXPECT_EQ(scores.pixel_accuracy, std::nullopt);
  EXPECT_EQ(percent(scores.mean_iou), "-");
  EXPECT_EQ(percent(0.61234), "61.23");
}

TEST(Scores, AClassOnlyPredicted_CountsAsZeroIou) {
  EvaluationResult r;
  r.classes = {"a", "b"};
  r.intersect = {10, 0};
  r.union_ = {10, 5};
  r.predicted = {10, 5};
  r.labelled = {10, 0};
  EXPECT_EQ(scores_of(r).mean_iou, 0.5);
  EXPECT_EQ(scores_of(r).mean_accuracy, 1.0);
}

TEST(ResultsText, Baselines_ComeFirstThenSteps) {
  auto baseline = result("clip", 0, "day", 10);
  baseline.protocol = settings("v1 attention=plain scale=10 clip_weight=1 window=64");
  const auto results = rows({result("tagalign", 120, "day", 60), result("tagalign", 40, "day", 40),
                             result("tagalign", 40, "dusk", 20), baseline});
  EXPECT_EQ(to_text(arrange(results)),
            "method    step    day   dusk\n"
            "clip         -  30.00\n"
            "tagalign    40  45.00  35.00\n"
            "tagalign   120  55.00\n"
            "\n"
            "mIoU in per cent\n"
            "day: v1 scale=10 window=64, data dday0123\n"
            "dusk: v1 scale=10 window=64, data ddusk012\n"
            "clip: attention=plain clip_weight=1\n"
            "tagalign: attention=surgery clip_weight=0.3\n");
}

TEST(ResultsText, OtherProtocolOrData_NeverSharesAColumn) {
  auto wide = result("tagalign", 40, "day", 60);
  wide.protocol = settings("v1 attention=surgery scale=10 clip_weight=0.3 window=448");
  auto other_data = result("tagalign", 40, "day", 80);
  other_data.dataset_digest = "e0";
  const auto results = rows({result("tagalign", 40, "day", 20), wide, other_data});
  const ResultsTable table = arrange(results);
  EXPECT_THAT(table.columns,
              ElementsAre("day (window=448, data dday0123)", "day (window=64, data dday0123)",
                          "day (window=64, data e0)"));
  ASSERT_EQ(table.rows.size(), 1u);
  EXPECT_THAT(to_text(table), HasSubstr("day (window=448, data dday0123): v1 scale=10 window=448"));
  std::vector<std::string> scores;
  for (const EvaluationResult* cell : table.rows[0].cells) {
    scores.push_back(percent(scores_of(*cell).mean_iou));
  }
  EXPECT_THAT(scores, ElementsAre("55.00", "35.00", "65.00"));
}

TEST(ResultsText, ProtocolsV1AndV3_AreTwoColumnsThatSaySo) {
  auto v1 = result("clip", 0, "voc", 20);
  v1.protocol =
      settings("v1 attention=surgery scale=10 bias=-2.5 clip_weight=1 stride=224 background=0.4");
  auto v3 = result("clip", 0, "voc", 60);
  v3.protocol = settings("v3 attention=surgery scale=30 clip_weight=1 stride=56 background=0.45");
  const auto results = rows({v3, v1, result("clip", 0, "ade20k", 10)});
  const ResultsTable table = arrange(results);
  EXPECT_THAT(table.columns, ElementsAre("ade20k", "voc (v1)", "voc (v3)"));
  EXPECT_THAT(to_markdown(table), HasSubstr("| voc (v1) | voc (v3) |"));
}

TEST(ResultsText, SweepOfThresholds_NamesTheThresholdInEachColumn) {
  std::vector<EvaluationResult> sweep;
  for (const char* threshold : {"0.1", "0.25"}) {
    sweep.push_back(result("clip", 0, "voc", 20));
    sweep.back().protocol = settings(
        std::string("v3 attention=surgery scale=30 clip_weight=1 background=") + threshold);
  }
  const auto results = rows(sweep);
  EXPECT_THAT(arrange(results).columns,
              ElementsAre("voc (background=0.1)", "voc (background=0.25)"));
}

TEST(ResultsText, MethodsWithProtocolsOfTheirOwn_ShareAColumnAndAreMarked) {
  auto tcl = result("tcl", 60, "day", 60);
  tcl.protocol = settings("tcl clip_weight=0.3 window=448");
  const auto results = rows({result("clip", 0, "day", 10), result("tagalign", 40, "day", 20), tcl,
                             result("tagalign", 40, "dusk", 40)});
  EXPECT_EQ(to_text(arrange(results)),
            "method        step    day   dusk\n"
            "clip [2]         -  30.00\n"
            "tagalign [2]    40  35.00  45.00\n"
            "tcl [1]         60  55.00\n"
            "\n"
            "mIoU in per cent\n"
            "day [1]: tcl window=448, data dday0123\n"
            "day [2]: v1 scale=10 window=64, data dday0123\n"
            "dusk: v1 scale=10 window=64, data ddusk012\n"
            "clip: attention=surgery clip_weight=0.3\n"
            "tagalign: attention=surgery clip_weight=0.3\n"
            "tcl: clip_weight=0.3\n");
}

TEST(ResultsText, MethodMeasuredInTwoWays_KeepsTheColumnsApart) {
  auto v3 = result("tagalign", 40, "day", 60);
  v3.protocol = settings("v3 attention=surgery scale=30 clip_weight=0.3 window=64");
  auto tcl = result("tcl", 60, "day", 60);
  tcl.protocol = settings("tcl clip_weight=0.3 window=448");
  const auto results = rows({result("tagalign", 40, "day", 20), v3, tcl});
  EXPECT_THAT(arrange(results).columns, ElementsAre("day (tcl)", "day (v1)", "day (v3)"));
}

TEST(ResultsText, WordThatOnlyOneColumnHas_MarksThatOne) {
  auto plain = result("clip", 0, "voc", 20);
  auto marked = plain;
  marked.protocol.push_back({"reference", "none", false});
  const auto results = rows({plain, marked});
  EXPECT_THAT(arrange(results).columns, ElementsAre("voc", "voc (reference=none)"));
}

TEST(ResultsText, SettingOfAMethod_StaysOutOfTheColumns_WhateverItsName) {
  auto masked = result("tcl", 40, "day", 60);
  masked.protocol.push_back({"masker threshold", "0.4 of the peak", true});
  const auto results = rows({result("tagalign", 40, "day", 20), masked});
  const ResultsTable table = arrange(results);
  EXPECT_THAT(table.columns, ElementsAre("day"));
  EXPECT_THAT(to_text(table), HasSubstr("masker threshold=0.4 of the peak\n"));
}

TEST(ResultsText, ValueWithSpaces_IsOneMarkOfItsColumn) {
  auto cut = result("clip", 0, "day", 20);
  cut.protocol.push_back({"crop", "1 / 2", false});
  const auto results = rows({result("clip", 0, "day", 10), cut});
  EXPECT_THAT(arrange(results).columns, ElementsAre("day", "day (crop=1 / 2)"));
}

TEST(ResultsText, OtherWeightsAtTheSameStep_GetTheirOwnRow) {
  auto other = result("tagalign", 40, "day", 60);
  other.weights_digest = "another-run";
  const auto results = rows({result("tagalign", 40, "day", 20), other});
  const ResultsTable table = arrange(results);
  ASSERT_EQ(table.rows.size(), 2u);
  EXPECT_EQ(table.rows[0].method, "tagalign (attention=surgery clip_weight=0.3 another-)");
}

TEST(ResultsText, WithoutResults_SaysSo) {
  const std::vector<ResultRow> none;
  EXPECT_EQ(to_text(arrange(none)), "no results yet\n");
}

TEST(ResultsText, MultiLabelScores_StandBesideTheMeanIou) {
  auto ranked = result("clip", 0, "day", 20);
  ranked.average_precision = {500'000'000, 250'000'000, -1};
  const auto results = rows({ranked, result("tagalign", 40, "day", 20)});
  const std::string text = to_text(arrange(results));
  EXPECT_THAT(text, AllOf(HasSubstr("35.00 / 37.50\n"), HasSubstr("35.00\n"),
                          HasSubstr("mIoU / mAP (multi-label) in per cent\n")));
}

TEST(ResultsPublished, CellsThatHaveOne_ShowTheDifference) {
  const auto results = rows({result("tagalign", 40, "day", 20), result("clip", 0, "day", 20)});
  ResultsTable table = arrange(results);
  add_published({{{"tagalign", "day", 34.0, "a paper"}, {"tcl", "day", 30.0, "another"}}}, table);
  const std::string text = to_text(table);
  EXPECT_THAT(text, HasSubstr("35.00 (+1.00)\n"));
  EXPECT_THAT(text, HasSubstr("35.00\n"));
  EXPECT_THAT(text,
              AllOf(HasSubstr("tagalign: published in a paper\n"), Not(HasSubstr("another"))));
}

TEST(ResultsPublished, Differences_AreGreenWhereTheScoreIsReached) {
  EXPECT_EQ(paint_differences("a 1.00 (+1.00) (-0.04) (-0.06) (v3)\n"),
            "a 1.00 \x1b[32m(+1.00)\x1b[0m \x1b[32m(-0.04)\x1b[0m \x1b[31m(-0.06)\x1b[0m (v3)\n");
}

TEST(ResultsMarkdown, AllResults_AreOneTable) {
  const auto results = rows({result("tagalign", 40, "day", 20)});
  EXPECT_THAT(to_markdown(arrange(results)),
              HasSubstr("| method | step | day |\n|---|---:|---:|\n| tagalign | 40 | 35.00 |\n"));
}

/// Field case results-markdown-bar.
TEST(ResultsMarkdown, NamesThatMarkUp_StayNamesInOneCell) {
  const std::map<std::string, std::string> escaped = {
      {"x|y", "x\\|y"},   {"a\\|b", "a\\\\\\|b"},       {"a\nb", "a\\\\x0ab"},
      {"*x*", "\\*x\\*"}, {"coco_stuff", "coco_stuff"}, {"_x_", "\\_x\\_"},
      {"<b>", "\\<b>"},   {"`x`", "\\`x\\`"},           {"[x](y)", "[x\\](y)"}};
  for (const auto& [name, shown] : escaped) {
    const auto results = rows({result("m|n", 40, name, 20)});
    const std::string text = to_markdown(arrange(results));
    EXPECT_THAT(text, HasSubstr("| method | step | " + shown +
                                " |\n|---|---:|---:|\n| m\\|n | 40 | 35.00 |\n"));
  }
}

TEST(ResultsText, NamesThatATerminalWouldObey_AreEscaped) {
  const auto results = rows({result("m\x1b[2J", 40, "d\ny", 20)});
  const std::string text = to_text(arrange(results));
  EXPECT_THAT(text, AllOf(HasSubstr("m\\x1b[2J"), HasSubstr("d\\x0ay"), Not(HasSubstr("\x1b"))));
}

/// Field case mask-0-255: the mean of 0 and an IoU says nothing, and nothing said so.
TEST(ResultsText, ClassThatOccursNowhere_IsNoted) {
  auto masks = result("tagalign", 40, "day", 20);
  masks.labelled = {0, 50, 0};
  const std::string note = "day, data dday0123: 1 of 3 classes occurs in no label: sky\n";
  const auto with = rows({masks}), without = rows({result("tagalign", 40, "day", 20)});
  EXPECT_THAT(to_text(arrange(with)), HasSubstr(note));
  EXPECT_THAT(to_markdown(arrange(with)), HasSubstr("* " + note));
  EXPECT_THAT(to_text(arrange(without)), Not(HasSubstr("in no label")));
}

TEST(ResultsCsv, EachClass_HasOneLineWithCounts) {
  EXPECT_EQ(to_csv(rows({result("tagalign", 40, "day", 20)})),
            "key,method,step,dataset,dataset_digest,weights_digest,protocol,code_version,images,"
            "class,intersect,union,predicted,labelled,average_precision,job,iou\n"
            "tagalign40day,tagalign,40,day,dday0123456789,wtagalign40,v1 attention=surgery "
            "scale=10 clip_weight=0.3 window=64,0.1.0,2,sky,20,100,20,100,,7,0.2\n"
            "tagalign40day,tagalign,40,day,dday0123456789,wtagalign40,v1 attention=surgery "
            "scale=10 clip_weight=0.3 window=64,0.1.0,2,\"road, wet\",50,100,100,50,,7,0.5\n"
            "tagalign40day,tagalign,40,day,dday0123456789,wtagalign40,v1 attention=surgery "
            "scale=10 clip_weight=0.3 window=64,0.1.0,2,ghost,0,0,0,0,,7,\n");
}

TEST(ResultsJson, EachResult_HoldsCountsAndScores) {
  const auto json = nlohmann::json::parse(to_json(rows({result("tagalign", 40, "day", 20)})));
  ASSERT_EQ(json.size(), 1u);
  EXPECT_EQ(json[0]["mean_iou"], 0.35);
  EXPECT_EQ(json[0]["protocol"].size(), 5u);
  EXPECT_EQ(json[0]["protocol"][3]["subject"], "clip_weight");
  EXPECT_EQ(json[0]["protocol"][3]["value"], "0.3");
  EXPECT_EQ(json[0]["protocol"][3]["of_method"], true);
  EXPECT_EQ(json[0]["intersect"], (std::vector<int>{20, 50, 0}));
  EXPECT_TRUE(json[0]["iou"][2].is_null());
}

}  // namespace
}  // namespace tagalign::cli
