#include "data/tags/parse/phrases.h"

#include <algorithm>

namespace tagalign::data {
namespace {

/// Finds the runs of a segment from left to right.
class Finder {
 public:
  Finder(const Segment& segment, const Vocabulary& vocabulary, bool capitals_tell,
         bool something_before)
      : segment_(segment),
        lists_(vocabulary.lists()),
        wordnet_(vocabulary.wordnet()),
        words_(vocabulary.words()),
        namer_(vocabulary),
        capitals_tell_(capitals_tell),
        something_before_(something_before) {}

  std::vector<NounPhrase> run() {
    while (at_ < segment_.size()) {
      if (!starts(at_)) {
        ++at_;
        continue;
      }
      take();
    }
    return std::move(phrases_);
  }

 private:
  Tag tag(std::size_t i) const { return i < segment_.size() ? *segment_[i].tag : Tag::kStop; }
  bool noun(std::size_t i) const { return i < segment_.size() && is_noun(segment_[i]); }
  bool quality(std::size_t i) const {
    return tag(i) == Tag::kAdjective || tag(i) == Tag::kParticiple;
  }
  bool surface(std::size_t i) const {
    return i < segment_.size() && is_surface(segment_[i], lists_);
  }
  bool colour(std::size_t i) const {
    return i < segment_.size() && lists_.colours.contains(segment_[i].text);
  }
  bool starts(std::size_t i) const {
    if (tag(i) == Tag::kParticiple) return participle_starts(i);
    return tag(i) == Tag::kDeterminer || tag(i) == Tag::kNumber || quality(i) || noun(i) ||
           (tag(i) == Tag::kGerund && gerund_belongs(i, i));
  }

  /// "folded towels", "is broken", but not "a basket made of straw" or "is dyed green".
  bool participle_starts(std::size_t i) const {
    std::size_t next = i + 1;
    while (quality(next) || tag(next) == Tag::kNumber) ++next;
    std::size_t before = i;
    while (before > 0 && tag(before - 1) == Tag::kAdverb) --before;
    const bool predicate =
        before > 0 && (tag(before - 1) == Tag::kAuxiliary ||
                       lists_.predicate_verbs.contains(segment_[before - 1].base));
    if (lists_.colouring_verbs.contains(segment_[i].base) && surface(i + 1)) {
      while (surface(next) && noun(next + 1)) ++next;
      return !predicate && noun(next) && (i == 0 || !noun(i - 1)) && !surface(next);
    }
    const bool alone =
        surface(i) && (i == 0 || tag(i - 1) == Tag::kStop) && tag(next) == Tag::kStop;
    return predicate || alone || noun(next);
  }

  /// "a glowing bulb", "swimming pool", but not "men feeding pigeons".
  bool gerund_belongs(std::size_t i, std::size_t begin) const {
    const bool more = tag(i + 1) == Tag::kGerund && i + 1 < segment_.size() &&
                      gerund_belongs(i + 1, i + 1);  // "folding camping table"
    if (!noun(i + 1) && !quality(i + 1) && !more) return false;
    const bool pair = noun(i + 1) && !namer_.compound(segment_, {i, i + 2}).empty();
    if (pair) return true;
    if (i > begin) return !noun(i - 1);
    if (i == 0 || (tag(i - 1) == Tag::kGerund && i > 0)) return true;
    const Tag before = tag(i - 1);
    return before == Tag::kStop || before == Tag::kDeterminer || before == Tag::kNumber ||
           before == Tag::kPreposition || before == Tag::kPossessive ||
           before == Tag::kConjunction || before == Tag::kVerb || before == Tag::kVerbThird;
  }

  /// "black and white", "big, red", "glass and metal": is the joint at i inside a run?
  bool joint_belongs(std::size_t i, std::size_t begin) const {
    if (i == begin || tag(i - 1) == Tag::kStop) return false;
    if (tag(i) == Tag::kStop) {
      return quality(i - 1) && quality(i + 1) && !surface(i + 1) && noun(i + 2);
    }
    const bool thing = noun(i - 1) && !surface(i + 1);  // "oval pearl and small diamonds"
    const bool both =
        (quality(i - 1) || surface(i - 1)) && (quality(i + 1) || surface(i + 1)) && !thing;
    return tag(i) == Tag::kConjunction && both;
  }

  bool belongs(std::size_t i, std::size_t begin) const {
    switch (tag(i)) {
      case Tag::kNumber:
        return !ends_title(i, begin);
      case Tag::kNoun:
      case Tag::kNouns:
        return !is_named(i, begin) &&
               !(trails(i - 1, begin) && lists_.stop.contains(segment_[i].base) && !surface(i) &&
                 !lists_.see_through.contains(segment_[i].base));
      case Tag::kAdjective:
      case Tag::kParticiple:
        return !splits(i, begin);
      case Tag::kGerund:
        return gerund_belongs(i, begin);
      case Tag::kConjunction:
      case Tag::kStop:
        return i < segment_.size() && joint_belongs(i, begin);
      default:
        return false;
    }
  }

  /// What acts by itself: "a deer walked right up" is no walked right.
  bool lives(const std::string& base) const {
    constexpr std::uint8_t kAnimal = 5, kPerson = 18;
    const WordEntry* entry = wordnet_.find(base);
    return base == "people" ||
           (entry != nullptr && (entry->fields[0] == kAnimal || entry->fields[0] == kPerson));
  }

  /// A thing that a measurement, or in a title a year, may follow: "mug 11 oz blue", but not
  /// "cast iron 12 inch pan" or "Queen 10 inch mattress".
  bool ends_title(std::size_t i, std::size_t begin) const {
    const std::string& word = segment_[i].text;
    const bool year =
        !capitals_tell_ && word.size() == 4 && (word.starts_with("19") || word.starts_with("20"));
    if (!segment_[i].measure && !year) return false;
    for (std::size_t k = begin; k < i; ++k) {
      if (noun(k) && !surface(k) && words_.visible(segment_[k].base) && !lives(segment_[k].base) &&
          !lists_.makers.contains(segment_[k].text))
        return true;
    }
    return false;
  }
  /// A colour behind the thing that it describes: "van white".
  bool trails(std::size_t i, std::size_t begin) const {
    while (i > begin && colour(i) && colour(i - 1)) --i;
    if (i == begin || !colour(i) || !noun(i - 1) || surface(i - 1)) return false;
    const std::string pair = segment_[i - 1].text + " " + segment_[i].text;  // "rose gold"
    return words_.visible(segment_[i - 1].base) && !lists_.colours.contains(pair) &&
           !lists_.materials.contains(pair);
  }
  /// Is this the name of somebody whose role stands before it: "mayor <PERSON>"?
  bool is_named(std::size_t i, std::size_t begin) const {
    if (i == begin || segment_[i].text != "person" || !noun(i - 1)) return false;
    constexpr std::uint8_t kPerson = 18;
    const Token& role = segment_[i - 1];
    const WordEntry* entry = wordnet_.find(role.base);
    return entry != nullptr && (entry->fields[0] == kPerson || entry->fields[1] == kPerson);
  }
  /// Does the noun phrase that begins at i name nothing: "white color", "blue condition"?
  bool abstract_follows(std::size_t i) const {
    while (noun(i + 1)) ++i;
    return noun(i) && !surface(i) && lists_.stop.contains(segment_[i].base);
  }

  /// A quality behind a thing begins the next phrase ("guitar natural finish"), unless it is a
  /// colour at the end ("truck silver") or the thing is a material ("steel insulated bottle").
  bool splits(std::size_t i, std::size_t begin) const {
    if (i == begin) return false;
    if (!surface(i) && trails(i - 1, begin)) return noun(i + 1) || quality(i + 1);
    if (!noun(i - 1) || surface(i - 1)) return false;
    if (tag(i) == Tag::kParticiple)
      return (!noun(i + 1) && !quality(i + 1)) ||
             lives(segment_[i - 1].base);  // "hand painted vase"
    return words_.visible(segment_[i - 1].base) &&
           (!surface(i) || (noun(i + 1) && !abstract_follows(i + 1)));
  }

  /// "Orange" or "resin" between commas is what the product is like, unless fruit stands beside it.
  bool stands_alone(Span run) const {
    if (run.end - run.begin != 1 || tag(run.end) != Tag::kStop) return false;
    if (run.begin == 0 ? !something_before_ : tag(run.begin - 1) != Tag::kStop) return false;
    const Token& token = segment_[run.begin];
    const WordEntry* entry = wordnet_.find(token.text);
    if (entry == nullptr) return false;
    if (lists_.colours.contains(token.text))
      return !kind_at(run.begin - 2) && !kind_at(run.end + 1);
    const bool described =
        run.begin == 0 ||
        (!phrases_.empty() &&
         (phrases_.back().only_surface || phrases_.back().run.end - phrases_.back().run.begin > 1));
    return lists_.materials.contains(token.text) && described;
  }
  bool kind_at(std::size_t i) const {
    if (i >= segment_.size() || !noun(i)) return false;
    const WordEntry* entry = wordnet_.find(segment_[i].base);
    return entry != nullptr && names_a_kind(*entry);
  }
  /// "hand knotted", "water resistant"
  bool says_how(const NounPhrase& phrase) const {
    const Tag next = tag(phrase.run.end);
    if (phrase.run.end - phrase.start != 1) return false;
    if (next == Tag::kAdjective && phrase.run.end < segment_.size())
      return lists_.describing_ends.contains(segment_[phrase.run.end].text);
    return (next == Tag::kParticiple || next == Tag::kVerbPast) &&
           lists_.means.contains(segment_[phrase.start].text);
  }

  bool seen_quality(std::size_t i) const {
    return tag(i) == Tag::kAdjective && lists_.visible.contains(segment_[i].text);
  }
  /// "moss green", "brick red": a thing that only names a shade.
  bool names_shade(Span run) const {
    return run.end - run.begin == 2 &&
           lists_.colours.contains(segment_[run.begin].text + " " + segment_[run.begin + 1].text);
  }
  bool only_surface(Span run) const {
    if (names_shade(run)) return true;
    bool any = false;
    for (std::size_t i = run.begin; i < run.end; ++i) {
      if (i + 1 < run.end && names_shade({i, i + 2})) {
        any = true;
        ++i;
        continue;
      }
      any = any || surface(i);
      if (!surface(i) && tag(i) != Tag::kConjunction && tag(i) != Tag::kNumber &&
          !lists_.shades.contains(segment_[i].text) && tag(i) != Tag::kAdjective &&
          !seen_quality(i))
        return false;
    }
    return any;
  }

  void take() {
    const std::size_t start = at_;
    while (tag(at_) == Tag::kDeterminer) ++at_;
    const std::size_t begin = at_;
    while (at_ < segment_.size() && belongs(at_, begin)) ++at_;
    if (at_ == begin) {
      at_ = std::max(at_, start + 1);
      return;
    }
    NounPhrase phrase{.run = {begin, at_}, .start = start};
    phrase.owner = tag(at_) == Tag::kPossessive;
    phrase.naming = namer_.name(segment_, phrase.run, capitals_tell_);
    const bool titled = at_ < segment_.size() && is_named(at_, begin);
    if (titled && lists_.addresses.contains(segment_[at_ - 1].text)) phrase.naming = {};
    const bool behind_measure = segment_[begin].measure && at_ > begin + 1 && begin > 0 &&
                                noun(begin - 1) && only_surface(phrase.run);
    if (stands_alone(phrase.run) || names_shade(phrase.run) || says_how(phrase) || behind_measure)
      phrase.naming = {};
    phrase.only_surface = phrase.naming.tag.empty() && only_surface(phrase.run);
    phrases_.push_back(std::move(phrase));
  }

  const Segment& segment_;
  const TagLists& lists_;
  const WordNet& wordnet_;
  const Words& words_;
  Namer namer_;
  bool capitals_tell_;
  bool something_before_;
  std::size_t at_ = 0;
  std::vector<NounPhrase> phrases_;
};

}  // namespace

std::vector<NounPhrase> find_phrases(const Segment& segment, const Vocabulary& vocabulary,
                                     bool capitals_tell, bool something_before) {
  return Finder(segment, vocabulary, capitals_tell, something_before).run();
}

}  // namespace tagalign::data
