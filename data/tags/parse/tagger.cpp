#include "data/tags/parse/tagger.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "data/tags/parse/naming.h"

namespace tagalign::data {
namespace {

/// How much likelier than by chance the tag of the column follows that of the row, in halves of a
/// natural logarithm. Chosen from English grammar, for titles as well as for sentences. Columns:
/// stop det num 's adj -ed -ing noun nouns verb verbs past aux modal adv prep to conj pron rel
constexpr std::array<std::array<signed char, kTags>, kTags> kFollows = {{
    // clang-format off
    {{0,  2,  1,-10,  1,  0, -1,  2,  2, -3, -5, -5, -3, -4,  0,  1, -2,  0,  0, -1}},   // stop
    {{-4, -4, 1, -6,  3,  1,  1,  3,  2, -8,-10,-10, -8, -8, -1, -6, -8, -6, -6, -6}},   // determiner
    {{0, -3,  0, -2,  1,  0, -1,  1,  3, -4, -5, -4, -1, -1,  0,  0, -1,  0, -2, -1}},   // number
    {{-4, -6, 1, -8,  3,  1,  1,  3,  3, -8,-10,-10, -6, -6, -2, -6, -8, -6, -8, -6}},   // possessive
    {{0, -4, -2, -4,  1,  0,  0,  3,  3, -6, -6, -6, -3, -3, -2, -1, -1,  1, -4, -3}},   // adjective
    {{0, -1, -2, -6,  0, -2, -1,  1,  1, -6, -8, -6, -4, -4,  0,  2,  1,  0, -3, -2}},   // participle
    {{0,  2,  0, -6,  1,  0, -3,  0,  1, -6, -8, -6, -4, -4,  1,  2,  0, -1,  1, -1}},   // gerund
    {{1, -4, -1,  2, -2,  1,  1,  1,  1, -4,  3,  1,  2,  1, -1,  2,  0,  1, -3,  1}},   // noun
    {{1, -4, -1,  2, -2,  1,  1, -3, -3,  4, -4,  1,  2,  1, -1,  2,  0,  1, -3,  1}},   // nouns
    {{0,  3,  1, -6,  1, -1, -1,  1,  2, -6, -8, -8, -4, -6,  1,  2,  1, -1,  1, -1}},   // verb
    {{0,  3,  1, -6,  1, -1, -1,  1,  2, -8, -8, -8, -4, -6,  1,  2,  1, -1,  1, -1}},   // verbs
    {{0,  3,  1, -6,  1, -1, -1,  1,  2, -8, -8, -8, -4, -6,  1,  2,  1, -1,  1, -1}},   // past
    {{-2, 2,  0, -6,  2,  2,  3, -1, -1, -4, -8, -4,  0, -4,  1,  1,  0, -3,  0, -2}},   // auxiliary
    {{-3,-3, -4, -6, -3, -4, -6, -3, -3,  4, -8, -8,  2, -6,  1, -3, -4, -4,  0, -4}},   // modal
    {{0,  0, -1, -6,  2,  2,  1, -1, -1,  0,  0,  1,  0,  0,  0,  1,  0, -1,  0,  0}},   // adverb
    {{-3, 3,  1, -6,  2,  0,  1,  2,  2, -8,-10,-10, -8, -8, -1, -1, -3, -4,  1,  0}},   // preposition
    {{-4, 2,  0, -8,  0, -3, -1,  0,  0,  3,-10,-10, -1, -8, -1, -2, -8, -6,  0, -2}},   // to
    {{-3, 1,  0, -6,  2,  1,  1,  2,  2, -1,  0,  0, -1, -1,  0, -1, -2, -6,  0, -1}},   // conjunction
    {{0, -2, -2, -6, -2, -1, -1, -3, -3,  2,  2,  2,  3,  3,  0,  1,  1,  0, -6,  0}},   // pronoun
    {{-3, 1,  0, -6,  0, -1, -1,  0,  1,  0,  2,  1,  2,  1,  0, -2,  2, -4,  2, -4}},   // relative
    // clang-format on
}};

double follows(Tag first, Tag second) {
  return 0.5 * kFollows[static_cast<std::size_t>(first)][static_cast<std::size_t>(second)];
}

/// Weights are rough: how much they count beside the neighbours.
constexpr double kTrust = 0.7;

struct Step {
  std::vector<Reading> readings;
  std::vector<double> scores;       ///< of the best chain that ends here
  std::vector<std::size_t> before;  ///< the reading before it in that chain
};

/// A noun of the stop list, as "autumn" and "night" are.
bool is_abstract(const Token& token, const Vocabulary& vocabulary) {
  return vocabulary.lists().stop.contains(token.text);
}

/// "<PERSON> waves", "she faces", "<PERSON>, left, hands the keys to …": what stands behind a name or
/// such a pronoun, or between a comma and a determiner, is rather a verb.
bool is_predicate(const Segment& segment, std::size_t at, const TagLists& lists) {
  static constexpr std::array<std::string_view, 5> kSubjects = {"person", "he", "she", "it", "who"};
  if (std::find(kSubjects.begin(), kSubjects.end(), segment[at - 1].text) != kSubjects.end())
    return true;
  if (!segment[at - 1].text.empty() || at + 1 == segment.size()) return false;
  const std::string& next = segment[at + 1].text;
  return next == "a" || next == "an" || next == "the" || lists.owners.contains(next);
}

/// Weights that the neighbours change without a tag of their own being known.
void adjust(const Segment& segment, std::size_t at, const Namer& namer,
            const Vocabulary& vocabulary, std::vector<Reading>& readings) {
  constexpr double kInCompound = 12;
  constexpr double kAbstractActs = 0.3;  ///< "autumn leaves": what cannot be seen rarely acts
  const bool of_follows = at + 1 < segment.size() && segment[at + 1].text == "of";
  const bool has_noun = std::any_of(readings.begin(), readings.end(),
                                    [](const Reading& each) { return each.tag == Tag::kNoun; });
  const bool measures = vocabulary.lists().measures.contains(segment[at].text);
  if (of_follows && has_noun) {  // "a drawing of a horse", "towels set of 6"
    std::erase_if(readings, [&](const Reading& each) {
      return each.tag == Tag::kGerund || (measures && each.tag != Tag::kNoun);
    });
  }
  const bool alone = (at == 0 || segment[at - 1].text.empty()) &&
                     (at + 1 == segment.size() || segment[at + 1].text.empty());
  if (alone && has_noun) {  // "hammer; saw"
    std::erase_if(readings, [](const Reading& each) {
      return each.tag == Tag::kVerbPast || each.tag == Tag::kParticiple || each.tag == Tag::kVerb;
    });
  }
  if (at == 0) return;
  const Token& before = segment[at - 1];
  if (is_predicate(segment, at, vocabulary.lists())) {
    constexpr double kPredicate = 200;
    for (Reading& each : readings) {
      if (each.tag == Tag::kVerbThird || each.tag == Tag::kVerbPast) each.weight *= kPredicate;
    }
  }
  const bool material = vocabulary.lists().materials.contains(before.text);
  const bool deed = is_abstract(before, vocabulary);
  for (Reading& each : readings) {
    const bool verb = each.tag == Tag::kVerb || each.tag == Tag::kVerbThird;
    const bool noun = each.tag == Tag::kNoun || each.tag == Tag::kNouns;
    if (verb && deed) each.weight *= kAbstractActs;
    if (noun && (material || namer.is_compound(before.text, each.base))) each.weight *= kInCompound;
  }
}

Step make_step(const Segment& segment, std::size_t at, const Namer& namer,
               const Vocabulary& vocabulary, WordMemory& words) {
  Step step;
  const Token& token = segment[at];
  if (token.tag) {
    step.readings = {{*token.tag, 1, token.base}};
  } else {
    step.readings = words.facts(token.text).readings;
    adjust(segment, at, namer, vocabulary, step.readings);
  }
  double sum = 0;
  for (const Reading& each : step.readings) sum += each.weight;
  for (const Reading& each : step.readings)
    step.scores.push_back(kTrust * std::log(each.weight / sum));
  step.before.resize(step.readings.size());
  return step;
}

Step edge() {
  return {.readings = {{Tag::kStop, 1, ""}}, .scores = {0}, .before = {0}};
}

void join(const Step& last, Step& next) {
  for (std::size_t i = 0; i < next.readings.size(); ++i) {
    double best = -1e9;
    for (std::size_t k = 0; k < last.readings.size(); ++k) {
      const double score = last.scores[k] + follows(last.readings[k].tag, next.readings[i].tag);
      if (score > best) best = score, next.before[i] = k;
    }
    next.scores[i] += best;
  }
}

/// "a cat sleeps": after "a" no plural stands, so what looks like one is the verb.
void repair_plurals(Segment& segment, WordMemory& words) {
  bool single = false;
  for (std::size_t i = 0; i < segment.size(); ++i) {
    Token& token = segment[i];
    if (token.text == "a" || token.text == "an") {
      single = true;
    } else if (token.tag == Tag::kNouns && single && is_noun(segment[i - 1])) {
      for (const Reading& each : words.facts(token.text).readings) {
        if (each.tag == Tag::kVerbThird) token.tag = each.tag, token.base = each.base;
      }
      single = false;
    } else if (token.tag != Tag::kNoun && token.tag != Tag::kAdjective &&
               token.tag != Tag::kParticiple && token.tag != Tag::kGerund) {
      single = false;
    }
  }
}

}  // namespace

void choose_tags(Segment& segment, const Vocabulary& vocabulary, WordMemory& words) {
  const Namer namer(vocabulary);
  std::vector<Step> steps;
  steps.reserve(segment.size() + 2);
  steps.push_back(edge());
  for (std::size_t i = 0; i < segment.size(); ++i) {
    steps.push_back(make_step(segment, i, namer, vocabulary, words));
    join(steps[steps.size() - 2], steps.back());
  }
  steps.push_back(edge());
  join(steps[steps.size() - 2], steps.back());
  std::size_t choice = 0;
  for (std::size_t i = segment.size(); i > 0; --i) {
    choice = steps[i + 1].before[choice];
    segment[i - 1].tag = steps[i].readings[choice].tag;
    segment[i - 1].base = steps[i].readings[choice].base;
  }
  repair_plurals(segment, words);
}

}  // namespace tagalign::data
