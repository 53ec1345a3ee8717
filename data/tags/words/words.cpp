#include "data/tags/words/words.h"

#include <algorithm>

namespace tagalign::data {
namespace {

// Shares of a verb's forms, and how much likelier captions name things than deeds: rounded from
// what any tagged English text shows; the result depends little on them.
constexpr double kBaseShare = 0.25;
constexpr double kThirdShare = 0.3;
constexpr double kPastShare = 0.25;
constexpr double kParticipleShare = 0.35;
constexpr double kGerundShare = 0.5;
constexpr double kNounShare = 1.3;
constexpr double kSeen = 0.7;             ///< of a word that WordNet has and its texts have not
constexpr double kVisibleNoun = 2;        ///< captions name what can be seen
constexpr double kOtherNoun = 0.4;        ///< … and rarely what can not
constexpr double kUsual = 8;              ///< factor of a noun that our lists call usual
constexpr double kWearer = 0.4;           ///< "kids shoes" beside "kids play"
constexpr double kListed = 8;             ///< of an adjective that our lists name
constexpr std::size_t kCorrectedMin = 4;  ///< letters of a word that may be misspelt
constexpr std::uint32_t kCommon = 2;      ///< occurrences of a word that others are taken for

struct Ending {
  std::string_view form;
  std::string_view base;
};
constexpr std::array<Ending, 8> kPlurals = {{{"ses", "s"},
                                             {"xes", "x"},
                                             {"zes", "z"},
                                             {"ches", "ch"},
                                             {"shes", "sh"},
                                             {"men", "man"},
                                             {"ies", "y"},
                                             {"s", ""}}};

std::string replaced(std::string_view word, const Ending& ending) {
  if (word.size() < ending.form.size() + 2 || !word.ends_with(ending.form)) return {};
  return std::string(word.substr(0, word.size() - ending.form.size())).append(ending.base);
}

std::string without_doubles(std::string_view word) {
  std::string out;
  for (const char c : word) {
    if (out.empty() || out.back() != c) out += c;
  }
  return out;
}

double weight_of(std::uint32_t count, double share) {
  return (count + kSeen) * share;
}

/// By its ending, for a word that nobody knows.
Reading guess(std::string_view word) {
  const auto ends = [&](std::initializer_list<std::string_view> endings) {
    return std::any_of(endings.begin(), endings.end(), [&](auto each) {
      return word.size() > each.size() + 2 && word.ends_with(each);
    });
  };
  std::string base(word);
  if (ends({"ly"})) return {Tag::kAdverb, 1, base};
  if (ends({"ing"})) return {Tag::kGerund, 1, base};
  if (ends({"ed"})) return {Tag::kParticiple, 1, base};
  if (ends({"able", "ible", "ful", "less", "ous", "ish", "ese", "proof", "friendly", "ive"}))
    return {Tag::kAdjective, 1, base};
  return {Tag::kNoun, 1, base};
}

}  // namespace

Words::Words(const WordNet& wordnet, const TagLists& lists) : wordnet_(wordnet), lists_(lists) {
  for (const auto& [word, entry] : wordnet.words()) {
    const bool plain = word.size() >= kCorrectedMin &&
                       word.find_first_not_of("abcdefghijklmnopqrstuvwxyz") == std::string::npos;
    if (plain && visible(word)) add_spelling(word, entry);
  }
}

void Words::add_spelling(const std::string& word, const WordEntry& entry) {
  const auto add = [&](const std::string& key) {
    Spelling& known = spellings_[key];
    const std::uint32_t count = entry.count(WordClass::kNoun);
    const bool better = count != known.count ? count > known.count : word < known.word;
    if (known.word.empty() || better) known = {word, count};
  };
  add(without_doubles(word));
  if (entry.count(WordClass::kNoun) < kCommon) return;
  for (std::size_t i = 1; i < word.size(); ++i) {
    add(std::string(word).erase(i, 1));
    std::string exchanged = word;
    std::swap(exchanged[i - 1], exchanged[i]);
    add(exchanged);
  }
}

std::string Words::corrected(std::string_view word) const {
  if (word.size() < kCorrectedMin) return {};
  const auto best = [&](std::string_view key) -> std::string {
    const auto found = spellings_.find(key);
    return found == spellings_.end() ? std::string() : found->second.word;
  };
  if (std::string same = best(without_doubles(word)); !same.empty()) return same;
  if (std::string same = best(word); !same.empty()) return same;
  for (std::size_t i = 1; i < word.size(); ++i) {
    std::string shorter(word);
    shorter.erase(i, 1);
    const WordEntry* entry = wordnet_.find(shorter);
    if (entry != nullptr && entry->count(WordClass::kNoun) >= kCommon && visible(shorter))
      return shorter;
  }
  return {};
}

std::string Words::plural_base(std::string_view word) const {
  const auto is_noun = [&](std::string_view base) {
    const WordEntry* entry = wordnet_.find(base);
    return lists_.keep.contains(base) || lists_.stop.contains(base) ||
           (entry != nullptr && entry->is_a(WordClass::kNoun));
  };
  std::string best;
  const auto offer = [&](const std::string& base) {
    if (base.empty() || !is_noun(base)) return;
    const auto count = [&](const std::string& each) {
      const WordEntry* entry = wordnet_.find(each);
      return entry == nullptr ? 0 : entry->count(WordClass::kNoun);
    };
    if (best.empty() || count(base) >= count(best)) best = base;
  };
  for (const std::string& base : wordnet_.irregular(WordClass::kNoun, word)) offer(base);
  if (!best.empty() || word.ends_with("ss")) return best;
  for (const Ending& ending : kPlurals) {
    offer(replaced(word, ending));
  }
  return best;
}

std::string Words::verb_base(std::string_view word, std::string_view ending) const {
  if (word.size() < ending.size() + 2 || !word.ends_with(ending)) return {};
  const std::string stem(word.substr(0, word.size() - ending.size()));
  const auto is_verb = [&](const std::string& base) {
    const WordEntry* entry = wordnet_.find(base);
    return entry != nullptr && entry->is_a(WordClass::kVerb);
  };
  std::vector<std::string> bases = {stem + "e", stem};
  if (ending == "s") bases = {stem, stem.ends_with('e') ? stem.substr(0, stem.size() - 1) : stem};
  if (stem.ends_with('i')) bases.push_back(stem.substr(0, stem.size() - 1) + "y");
  if (ending == "s" && stem.ends_with("ie")) bases.push_back(stem.substr(0, stem.size() - 2) + "y");
  if (stem.size() > 2 && stem.back() == stem[stem.size() - 2])
    bases.push_back(stem.substr(0, stem.size() - 1));
  std::string best;
  std::uint32_t most = 0;
  for (const std::string& base : bases) {
    if (!is_verb(base)) continue;
    const std::uint32_t count = wordnet_.find(base)->count(WordClass::kVerb);
    if (best.empty() || count > most) best = base, most = count;
  }
  return best;
}

void Words::add_closed(std::string_view word, std::vector<Reading>& out) const {
  constexpr double kClosed = 100;
  const auto add = [&](const WordSet& set, Tag tag) {
    if (set.contains(word)) out.push_back({tag, kClosed, std::string(word)});
  };
  if (word == "to") out.push_back({Tag::kTo, kClosed, "to"});
  if (word == "'s" || word == "'") out.push_back({Tag::kPossessive, kClosed, "'s"});
  add(lists_.determiners, Tag::kDeterminer);
  add(lists_.owners, Tag::kDeterminer);
  add(lists_.pronouns, Tag::kPronoun);
  add(lists_.relatives, Tag::kRelative);
  add(lists_.prepositions, Tag::kPreposition);
  add(lists_.conjunctions, Tag::kConjunction);
  add(lists_.auxiliaries, Tag::kAuxiliary);
  add(lists_.modals, Tag::kModal);
  add(lists_.adverbs, Tag::kAdverb);
  add(lists_.numbers, Tag::kNumber);
  add(lists_.days, Tag::kNumber);
}

double Words::noun_share(std::string_view base) const {
  if (lists_.see_through.contains(base) || lists_.measures.contains(base) || visible(base))
    return kNounShare * kVisibleNoun;
  return kNounShare * kOtherNoun;
}

bool Words::visible(std::string_view base) const {
  if (base.size() < 2 || lists_.stop.contains(base)) return false;
  if (lists_.keep.contains(base) || lists_.plural_only.contains(base)) return true;
  const WordEntry* entry = wordnet_.find(base);
  if (entry == nullptr || !entry->is_a(WordClass::kNoun) || names_one(*entry)) return false;
  if (lists_.colours.contains(base) && !names_a_kind(*entry)) return false;
  return names_something_visible(*entry);
}

void Words::add_nouns(std::string_view word, std::vector<Reading>& out) const {
  const std::string text(word);
  const WordEntry* entry = wordnet_.find(word);
  const bool listed = lists_.keep.contains(word) || lists_.stop.contains(word);
  const bool is_noun = listed || (entry != nullptr && entry->is_a(WordClass::kNoun));
  const std::uint32_t count = entry == nullptr ? 0 : entry->count(WordClass::kNoun);
  if (lists_.plural_only.contains(word)) {
    out.push_back({Tag::kNouns, weight_of(std::max(count, 3u), noun_share(word)), text});
    return;
  }
  if (is_noun && lists_.same_in_plural.contains(word)) {
    out.push_back({Tag::kNoun, weight_of(count, noun_share(word)), text});
    static constexpr std::array<std::string_view, 6> kSingular = {"ss", "us", "is",
                                                                  "as", "ns", "os"};  // glass, lens
    const bool single = std::any_of(kSingular.begin(), kSingular.end(),
                                    [&](std::string_view end) { return word.ends_with(end); });
    if (!single) out.push_back({Tag::kNouns, weight_of(count, noun_share(word)) / 2, text});
    return;
  }
  const std::string base = plural_base(word);
  const WordEntry* single = base.empty() ? nullptr : wordnet_.find(base);
  const std::uint32_t singles = single == nullptr ? 0 : single->count(WordClass::kNoun);
  if (!base.empty() && base != word && count <= 3 * singles + 1) {
    out.push_back({Tag::kNouns, weight_of(singles, noun_share(base)), base});
  } else if (is_noun) {
    out.push_back({Tag::kNoun, weight_of(count, noun_share(word)), text});
  }
}

void Words::add_verbs(std::string_view word, std::vector<Reading>& out) const {
  const auto count = [&](std::string_view base) {
    return wordnet_.find(base)->count(WordClass::kVerb);
  };
  const WordEntry* entry = wordnet_.find(word);
  if (entry != nullptr && entry->is_a(WordClass::kVerb))
    out.push_back({Tag::kVerb, weight_of(count(word), kBaseShare), std::string(word)});
  for (const std::string& base : wordnet_.irregular(WordClass::kVerb, word)) {
    if (base == word || wordnet_.find(base) == nullptr) continue;
    const auto times = count(base);
    if (word.ends_with("ing")) {
      out.push_back({Tag::kGerund, weight_of(times, kGerundShare), base});
    } else {
      out.push_back({Tag::kVerbPast, weight_of(times, kPastShare), base});
      out.push_back({Tag::kParticiple, weight_of(times, kParticipleShare), base});
    }
    return;
  }
  if (lists_.unchanging_verbs.contains(word) && entry != nullptr) {
    out.push_back({Tag::kVerbPast, weight_of(count(word), kPastShare), std::string(word)});
    out.push_back({Tag::kParticiple, weight_of(count(word), kParticipleShare), std::string(word)});
  }
  if (const auto base = verb_base(word, "ing"); !base.empty())
    out.push_back({Tag::kGerund, weight_of(count(base), kGerundShare), base});
  if (const auto base = verb_base(word, "ed"); !base.empty()) {
    out.push_back({Tag::kVerbPast, weight_of(count(base), kPastShare), base});
    out.push_back({Tag::kParticiple, weight_of(count(base), kParticipleShare), base});
  }
  if (const auto base = verb_base(word, "s"); !base.empty() && !word.ends_with("ss"))
    out.push_back({Tag::kVerbThird, weight_of(count(base), kThirdShare), base});
}

void Words::add_others(std::string_view word, std::vector<Reading>& out) const {
  const WordEntry* entry = wordnet_.find(word);
  const bool participle = std::any_of(out.begin(), out.end(), [](const Reading& each) {
    return each.tag == Tag::kParticiple || each.tag == Tag::kGerund;
  });
  constexpr std::uint8_t kAnimal = 5;  // "camel" is a colour only before another noun
  const bool animal =
      entry != nullptr && entry->fields[0] == kAnimal && !entry->is_a(WordClass::kAdjective);
  const bool listed = (lists_.colours.contains(word) && !animal) ||
                      lists_.patterns.contains(word) || lists_.visible.contains(word);
  double weight = listed && !participle ? kListed : 0;
  if (entry != nullptr && entry->is_a(WordClass::kAdjective) && !participle)
    weight += weight_of(entry->count(WordClass::kAdjective), 1);
  if (weight > 0) out.push_back({Tag::kAdjective, weight, std::string(word)});
  if (entry != nullptr && entry->is_a(WordClass::kAdverb) && weight == 0)
    out.push_back(
        {Tag::kAdverb, weight_of(entry->count(WordClass::kAdverb), 1), std::string(word)});
  if (!out.empty()) return;
  for (const Ending& ending : std::initializer_list<Ending>{
           {"est", ""}, {"est", "e"}, {"iest", "y"}, {"er", ""}, {"er", "e"}, {"ier", "y"}}) {
    const std::string base = replaced(word, ending);
    const WordEntry* plain = base.empty() ? nullptr : wordnet_.find(base);
    if (plain == nullptr || !plain->is_a(WordClass::kAdjective)) continue;
    out.push_back({Tag::kAdjective, 2, std::string(word)});
    return;
  }
}

std::vector<Reading> Words::readings(std::string_view word) const {
  std::vector<Reading> out;
  if (word.empty()) return {{Tag::kStop, 1, ""}};
  if (std::any_of(word.begin(), word.end(), [](char c) { return c >= '0' && c <= '9'; }))
    return {{Tag::kNumber, 1, std::string(word)}};
  add_closed(word, out);
  if (!out.empty() && !lists_.also_open.contains(word)) return out;
  add_nouns(word, out);
  add_verbs(word, out);
  add_others(word, out);
  if (lists_.usually_nouns.contains(word)) {
    for (Reading& each : out) {
      if (each.tag == Tag::kNoun || each.tag == Tag::kNouns) each.weight *= kUsual;
    }
  }
  if (lists_.wearers.contains(word)) {
    double sum = kSeen;
    for (const Reading& each : out) sum += each.weight;
    out.push_back({Tag::kDeterminer, sum * kWearer, std::string(word)});
  }
  if (out.empty()) out.push_back(guess(word));
  return out;
}

std::string Words::singular(std::string_view word) const {
  std::vector<Reading> out;
  add_nouns(word, out);
  return out.empty() ? std::string() : out.front().base;
}

const WordFacts& WordMemory::facts(std::string_view word) {
  constexpr std::size_t kWordsMax = 200'000;
  const auto found = facts_.find(word);
  if (found != facts_.end()) return found->second;
  if (facts_.size() >= kWordsMax) facts_.clear();
  WordFacts facts{words_.readings(word), words_.known(word)};
  return facts_.emplace(word, std::move(facts)).first->second;
}

bool Words::known(std::string_view word) const {
  std::vector<Reading> out;
  add_closed(word, out);
  if (out.empty()) add_nouns(word, out);
  if (out.empty()) add_verbs(word, out);
  if (out.empty()) add_others(word, out);
  return !out.empty();
}

}  // namespace tagalign::data
