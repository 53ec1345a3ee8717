// The caption parser against captions that were labelled by hand, where they are:
// in $TAGALIGN_SHARED/tag_captions, else in ../shared/tag_captions.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "data/tags/parse/caption_parser.h"
#include "tests/unit/tags/vocabulary_fixture.h"

namespace tagalign::data {
namespace {

using nlohmann::json;

Path captions_file() {
  if (const char* shared = std::getenv("TAGALIGN_SHARED"))
    return Path(shared) / "tag_captions/captions.jsonl";
  const char* source = std::getenv("TAGALIGN_SOURCE");
  return Path(source == nullptr ? "." : source).lexically_normal().parent_path() /
         "shared/tag_captions/captions.jsonl";
}

/// Spelling, blanks and hyphens do not matter.
std::string key(const std::string& tag) {
  const auto& spellings = vocabulary().lists().spellings;
  std::string out;
  for (const std::string& word : split_words(tag)) {
    const auto found = spellings.find(word);
    for (const char c : found == spellings.end() ? word : found->second) {
      if (c != '-') out += c;
    }
  }
  return out;
}

struct Score {
  double correct = 0, guessed = 0, labelled = 0;

  void add(const std::set<std::string>& guess, const std::set<std::string>& label) {
    for (const std::string& each : guess) correct += label.contains(each) ? 1 : 0;
    guessed += static_cast<double>(guess.size());
    labelled += static_cast<double>(label.size());
  }
  /// In percent.
  double f1() const { return 200 * correct / (guessed + labelled); }
};

TEST(HandLabels, Parser_ReachesTheGoal) {
  TA_REQUIRE_WORDNET();
  std::ifstream file(captions_file());
  if (!file) {
    GTEST_SKIP() << captions_file()
                 << " is absent: set TAGALIGN_SHARED to the folder that holds tag_captions/";
  }
  CaptionParser parser(vocabulary());
  Score objects;
  Score attributes;
  for (std::string line; std::getline(file, line);) {
    const json label = json::parse(line);
    const CaptionTags tags = parser.parse(label["caption"].get<std::string>());
    std::set<std::string> guess, truth, pairs, true_pairs;
    for (const auto& each : tags.objects) guess.insert(key(each));
    for (const auto& each : label["objects"]) truth.insert(key(each));
    for (const auto& each : tags.attributes)
      pairs.insert(key(each.attribute) + ">" + key(each.object));
    for (const auto& each : label["attributes"])
      true_pairs.insert(key(each[0]) + ">" + key(each[1]));
    objects.add(guess, truth);
    attributes.add(pairs, true_pairs);
  }
  ASSERT_GT(objects.labelled, 100);
  RecordProperty("object_f1", std::to_string(objects.f1()));
  RecordProperty("attribute_f1", std::to_string(attributes.f1()));
  // The goal is 83 and 60 on captions kept aside; these here were seen by those who made the rules.
  EXPECT_GT(objects.f1(), 90);
  EXPECT_GT(attributes.f1(), 80);
}

}  // namespace
}  // namespace tagalign::data
