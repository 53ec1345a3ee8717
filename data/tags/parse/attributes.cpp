#include "data/tags/parse/attributes.h"

#include <algorithm>
#include <array>

namespace tagalign::data {
namespace {

constexpr std::uint8_t kAnimalField = 5;
/// lexnames(5): what an adjective in -y may be made of (snowy, rocky, grassy, buttery).
constexpr std::array<std::uint8_t, 5> kStuffFields = {13, 17, 19, 20, 27};

/// Decides for single words whether they can be seen.
class Eye {
 public:
  explicit Eye(const Vocabulary& vocabulary)
      : wordnet_(vocabulary.wordnet()), lists_(vocabulary.lists()) {}

  bool sees(const Token& token, const std::string& object) const {
    const std::string& word = token.text;
    if (lists_.not_visible.contains(word)) return false;
    if (lists_.of_the_living.contains(word) && is_lifeless(object)) return false;
    if (is_surface(token, lists_)) return !is_kitchen_word(word, object);
    if (is_noun(token)) {
      return (word == "baby" && is_animal(object)) ||
             (word.ends_with("ing") && lists_.visible.contains(word));
    }
    if (lists_.visible.contains(word)) return true;
    if (token.tag == Tag::kParticiple)
      return word.ends_with("ed") || wordnet_.find(word) != nullptr;
    if (token.tag != Tag::kAdjective) return false;
    return made_of_stuff(word) || covered(word);
  }

  bool lives(const std::string& object) const {
    constexpr std::uint8_t kPersonField = 18;
    const WordEntry* entry = wordnet_.find(object);
    return object == "person" || (entry != nullptr && (entry->fields[0] == kAnimalField ||
                                                       entry->fields[0] == kPersonField));
  }

 private:
  /// "mint leaf", "camel rider": the plant or the animal, not its colour.
  bool is_kitchen_word(const std::string& word, const std::string& object) const {
    constexpr std::array<std::uint8_t, 3> kOthers = {14, 15, 18};  ///< group, location, person
    const WordEntry* entry = wordnet_.find(word);
    const WordEntry* what = wordnet_.find(object);
    if (entry == nullptr || what == nullptr || !entry->is_a(WordClass::kNoun) ||
        !may_be_a_kind(*entry) || entry->is_a(WordClass::kAdjective))
      return false;
    return may_be_a_kind(*what) ||
           std::find(kOthers.begin(), kOthers.end(), what->fields[0]) != kOthers.end();
  }
  /// "walking boots", "sleeping bag"
  bool is_lifeless(const std::string& object) const {
    constexpr std::uint8_t kArtifact = 6;
    const WordEntry* entry = wordnet_.find(object);
    return entry != nullptr && entry->fields[0] == kArtifact;
  }
  bool is_animal(const std::string& object) const {
    const WordEntry* entry = wordnet_.find(object);
    return entry != nullptr && entry->fields[0] == kAnimalField;
  }
  bool made_of_stuff(const std::string& word) const {
    if (!word.ends_with('y') || word.ends_with("ly") || word.size() < 5) return false;
    std::string stem = word.substr(0, word.size() - 1);
    const auto is_stuff = [&](const std::string& base) {
      const WordEntry* entry = wordnet_.find(base);
      return entry != nullptr && std::find(kStuffFields.begin(), kStuffFields.end(),
                                           entry->fields[0]) != kStuffFields.end();
    };
    if (is_stuff(stem) || is_stuff(stem + "e")) return true;
    const bool doubled = stem.size() > 3 && stem.back() == stem[stem.size() - 2];
    return doubled && is_stuff(stem.substr(0, stem.size() - 1));
  }
  /// "snow covered", "blue eyed": two words that a hyphen joined.
  bool covered(std::string_view word) const {
    const std::size_t blank = word.rfind(' ');
    return blank != std::string_view::npos && lists_.seen_ends.contains(word.substr(blank + 1));
  }

  const WordNet& wordnet_;
  const TagLists& lists_;
};

class Finder {
 public:
  Finder(const Segment& segment, const Vocabulary& vocabulary, std::vector<NounPhrase>& phrases)
      : segment_(segment),
        wordnet_(vocabulary.wordnet()),
        lists_(vocabulary.lists()),
        eye_(vocabulary),
        namer_(vocabulary),
        phrases_(phrases) {}

  SegmentAttributes run() {
    for (std::size_t k = 0; k < phrases_.size(); ++k) {
      if (!material(k)) describe(k);
      if (phrases_[k].only_surface) surface_alone(k);
      predicate(k);
      behind(k);
    }
    return std::move(out_);
  }

 private:
  const std::string& text(std::size_t i) const {
    static const std::string kNothing;
    return i < segment_.size() ? segment_[i].text : kNothing;
  }
  Tag tag(std::size_t i) const { return i < segment_.size() ? *segment_[i].tag : Tag::kStop; }
  const std::string& base(std::size_t i) const {
    static const std::string kNothing;
    return i < segment_.size() ? segment_[i].base : kNothing;
  }

  void add(const std::string& attribute, std::size_t phrase) {
    out_.own.push_back({attribute, phrase});
  }

  /// The attributes among [begin, end): two words of a shade or a material are one.
  std::vector<std::string> among(Span words, const std::string& object) const {
    std::vector<std::string> found;
    for (std::size_t i = words.begin; i < words.end; ++i) {
      if (i + 1 < words.end) {
        const std::string pair = text(i) + " " + text(i + 1);
        const bool shade = lists_.shades.contains(text(i)) && lists_.colours.contains(text(i + 1));
        if (shade || lists_.colours.contains(pair) || lists_.materials.contains(pair) ||
            lists_.patterns.contains(pair) || lists_.visible.contains(pair)) {
          found.push_back(pair);
          ++i;
          continue;
        }
        if (lists_.not_visible.contains(pair)) {
          ++i;
          continue;
        }
      }
      if (belongs_to_next(i, words.end)) {
        ++i;
        continue;
      }
      const bool pure = text(i) == "solid" && i + 1 < words.end &&
                        lists_.materials.contains(text(i + 1));  // "solid oak" is oak
      if (pure) continue;
      if (eye_.sees(segment_[i], object)) found.push_back(text(i));
    }
    return found;
  }

  /// "golden retriever puppy", "low heel boot": the word describes the modifier behind it. A word
  /// that nobody knows is a stuff or a name rather than a thing: "long qiviut coat".
  bool belongs_to_next(std::size_t i, std::size_t end) const {
    if (i + 1 >= end || !is_noun(segment_[i + 1]) || is_surface(segment_[i + 1], lists_))
      return false;
    const bool shade = i + 2 < end && lists_.colours.contains(text(i + 1) + " " + text(i + 2));
    if (shade) return false;
    const bool known = wordnet_.find(segment_[i + 1].base) != nullptr;
    if (known && lists_.of_the_nearest_noun.contains(text(i))) return true;
    const Naming both = namer_.name(segment_, {i, i + 2}, false);
    return both.words.end - both.words.begin == 2;
  }

  void describe(std::size_t k) {
    const NounPhrase& phrase = phrases_[k];
    if (!phrase.is_object()) return;
    const std::string& object = phrase.naming.tag;
    for (const auto& each : among({phrase.run.begin, phrase.naming.words.begin}, object))
      add(each, k);
    // "truck silver", "basket round": only colours and the like may stand behind.
    std::size_t end = phrase.naming.words.end;
    while (end < phrase.run.end &&
           (is_surface(segment_[end], lists_) || lists_.shades.contains(text(end)) ||
            lists_.visible.contains(text(end)) || lists_.see_through.contains(base(end))))
      ++end;
    for (const auto& each : among({phrase.naming.words.end, end}, object)) add(each, k);
    for (std::size_t i = phrase.naming.words.end; i < end; ++i) {
      if (is_noun(segment_[i]) && lists_.visible.contains(text(i))) add(text(i), k);
    }
  }

  /// The phrase that a verb or a colour behind phrase k speaks of.
  std::size_t subject_of(std::size_t k) const {
    while (k > 0 && phrases_[k].start > 0 && text(phrases_[k].start - 1) == "of" &&
           phrases_[k - 1].run.end + 1 == phrases_[k].start && phrases_[k - 1].is_object())
      --k;
    return k;
  }

  /// The phrase with a name that stands before phrase k.
  std::size_t subject_before(std::size_t k) const {
    std::size_t before = k - 1;
    while (before > 0 && phrases_[before].naming.tag.empty()) --before;
    return before;
  }

  bool lives(std::size_t k) const { return eye_.lives(phrases_[k].naming.tag); }

  /// "basket made of straw", "built from recycled bricks".
  bool material(std::size_t k) {
    NounPhrase& phrase = phrases_[k];
    const std::size_t start = phrase.start;
    if (k == 0 || start < 2 || phrase.run.begin == phrase.run.end) return false;
    const bool preposition = text(start - 1) == "of" || text(start - 1) == "from" ||
                             text(start - 1) == "out of" || text(start - 1) == "in";
    const bool worn = text(start - 1) == "in" && phrases_[k - 1].run.end + 1 == start &&
                      phrases_[k - 1].is_object() && phrase.run.begin == start && !lives(k - 1);
    const bool made = preposition && lists_.making_verbs.contains(base(start - 2));
    if (!worn && !made) return false;
    const Token& head = segment_[phrase.run.end - 1];
    std::string name = lists_.materials.contains(head.base) ? head.base : head.text;
    if (!lists_.materials.contains(name)) return false;
    if (phrase.run.end - phrase.run.begin > 1) {
      const std::string pair = text(phrase.run.end - 2) + " " + name;
      if (lists_.materials.contains(pair)) name = pair;
    }
    if (worn) {  // "sofa in light grey fabric"
      for (const auto& each : among({phrase.run.begin, phrase.run.end - 1}, "")) add(each, k - 1);
    }
    add(name, subject_before(k));
    phrase.absent = true;
    return true;
  }

  /// A colour without a noun: after "in", after a verb of colouring, or alone.
  void surface_alone(std::size_t k) {
    const NounPhrase& phrase = phrases_[k];
    const std::size_t start = phrase.start;
    const auto words = among(phrase.run, "");
    if (is_black_and_white(phrase.run)) return;
    const Tag before = start == 0 ? Tag::kStop : tag(start - 1);
    if (before == Tag::kStop) {
      const bool ends = tag(phrase.run.end) == Tag::kStop ||
                        tag(phrase.run.end) == Tag::kPreposition ||
                        tag(phrase.run.end) == Tag::kConjunction;
      if (ends) out_.alone.insert(out_.alone.end(), words.begin(), words.end());
      return;
    }
    if (k == 0) return;
    const bool behind = phrases_[k - 1].run.end == start;
    const bool worn = text(start - 1) == "in" && phrases_[k - 1].run.end + 1 == start;
    const bool coloured = lists_.colouring_verbs.contains(base(start - 1));
    if (!behind && !worn && !coloured) return;
    for (const std::string& word : words) add(word, subject_of(subject_before(k)));
  }
  bool is_black_and_white(Span run) const {
    return run.end - run.begin == 3 && text(run.begin) == "black" && text(run.end - 1) == "white";
  }

  /// "the lamp is green", "doors are open".
  void predicate(std::size_t k) {
    if (!phrases_[k].naming.tag.empty()) return;
    const Span run = phrases_[k].run;
    std::size_t at = phrases_[k].start;
    while (at > 0 && (tag(at - 1) == Tag::kAdverb || text(at - 1) == "out")) --at;
    if (at == 0) return;
    const bool says = tag(at - 1) == Tag::kAuxiliary ||
                      (lists_.predicate_verbs.contains(base(at - 1)) && is_verb(at - 1));
    if (!says || (k > 0 && phrases_[k - 1].run.end > at)) return;
    const bool only = std::all_of(segment_.begin() + static_cast<std::ptrdiff_t>(run.begin),
                                  segment_.begin() + static_cast<std::ptrdiff_t>(run.end),
                                  [&](const Token& token) { return can_stand_alone(token); });
    const Tag next = tag(run.end);
    const bool passive =
        tag(run.end - 1) == Tag::kParticiple && (next == Tag::kPreposition || next == Tag::kTo);
    if (!only || passive) return;
    const bool of_it = at == 2 && (text(0) == "it" || text(0) == "they" || text(0) == "these");
    for (const std::string& word : among(run, "")) {
      if (k > 0) add(word, subject_of(subject_before(k)));
      if (k == 0 && of_it) out_.of_it.push_back(word);
    }
  }
  /// "Basket Round", "leaves the door open": qualities behind the object, and nothing after them.
  void behind(std::size_t k) {
    const Span run = phrases_[k].run;
    if (k == 0 || phrases_[k].start != phrases_[k - 1].run.end || phrases_[k].only_surface ||
        !phrases_[k].naming.tag.empty() || !phrases_[k - 1].is_object() ||
        tag(run.end) != Tag::kStop)
      return;
    for (std::size_t i = run.begin; i < run.end; ++i) {
      if (!can_stand_alone(segment_[i]) && tag(i) != Tag::kNumber) return;
    }
    for (const std::string& word : among(run, "")) add(word, k - 1);
  }
  bool is_verb(std::size_t i) const {
    return tag(i) == Tag::kVerb || tag(i) == Tag::kVerbThird || tag(i) == Tag::kVerbPast;
  }
  bool can_stand_alone(const Token& token) const {
    return token.tag == Tag::kConjunction || is_surface(token, lists_) ||
           ((token.tag == Tag::kAdjective || token.tag == Tag::kParticiple) &&
            (lists_.visible.contains(token.text) || lists_.shades.contains(token.text)));
  }

  const Segment& segment_;
  const WordNet& wordnet_;
  const TagLists& lists_;
  Eye eye_;
  Namer namer_;
  std::vector<NounPhrase>& phrases_;
  SegmentAttributes out_;
};

}  // namespace

SegmentAttributes find_attributes(const Segment& segment, const Vocabulary& vocabulary,
                                  std::vector<NounPhrase>& phrases) {
  return Finder(segment, vocabulary, phrases).run();
}

}  // namespace tagalign::data
