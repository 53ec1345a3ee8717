// Rules of what is named and yet not in the picture.
#include <algorithm>
#include <array>
#include <utility>

#include "data/tags/parse/phrases.h"

namespace tagalign::data {
namespace {

constexpr std::uint8_t kGroupField = 14;   ///< noun.group
constexpr std::uint8_t kPersonField = 18;  ///< noun.person

class Judge {
 public:
  Judge(const Segment& segment, const Vocabulary& vocabulary, bool something_before,
        std::vector<NounPhrase>& phrases)
      : segment_(segment),
        vocabulary_(vocabulary),
        lists_(vocabulary.lists()),
        phrases_(phrases),
        something_(something_before) {}

  void run() {
    for (std::size_t k = 0; k < phrases_.size(); ++k) {
      NounPhrase& phrase = phrases_[k];
      move_to(phrase.start);
      phrase.absent = in_absent_region(k) || is_measure(k) || is_destination(k) ||
                      is_behind_view(k) || is_spoken_of(k) || is_wanted(k) || is_maker(k) ||
                      is_printed_on(k) || speaks(k) || is_called_for(k) || made_it(k) ||
                      is_reader(k) || denied(k);
      something_ = something_ || phrase.is_object();
    }
  }

 private:
  const std::string& text(std::size_t i) const {
    static const std::string kNothing;
    return i < segment_.size() ? segment_[i].text : kNothing;
  }
  Tag tag(std::size_t i) const { return i < segment_.size() ? *segment_[i].tag : Tag::kStop; }
  bool person_or_group(const NounPhrase& phrase) const {
    const WordEntry* entry = vocabulary_.wordnet().find(phrase.naming.tag);
    if (phrase.naming.tag == "person" || phrase.naming.tag == "team") return true;
    return entry != nullptr &&
           (entry->fields[0] == kGroupField || entry->fields[0] == kPersonField);
  }

  /// The word that governs the phrase: what stands before its determiners.
  const std::string& governor(std::size_t k) const {
    return phrases_[k].start == 0 ? text(segment_.size()) : text(phrases_[k].start - 1);
  }
  bool follows_directly(std::size_t k) const {
    return k > 0 && (phrases_[k].start == phrases_[k - 1].run.end + 1 ||
                     (phrases_[k].start == phrases_[k - 1].run.end + 2 &&
                      text(phrases_[k - 1].run.end).empty()));
  }
  /// Phrase k goes on a list that "and" or "or" ends.
  bool continues_list(std::size_t k) const {
    if (!follows_directly(k)) return false;
    const Tag joint = tag(phrases_[k].start - 1);
    if (joint == Tag::kConjunction) return true;
    return joint == Tag::kStop && k + 1 < phrases_.size() && continues_list(k + 1);
  }

  /// Reads the words between the last phrase and this one: which region do they begin or end?
  void move_to(std::size_t start) {
    for (; at_ < start; ++at_) {
      const Tag now = tag(at_);
      const std::string& word = text(at_);
      if (word.empty()) {
        comma_ = true;
      } else if (lists_.absent.contains(word) &&
                 (now == Tag::kPreposition || now == Tag::kRelative || now == Tag::kAdverb ||
                  now == Tag::kConjunction)) {
        region_ = word;
        comma_ = false;
      } else if (word == "where" && past_place(at_)) {
        region_ = word;
        comma_ = false;
      } else if (word == "as" && now == Tag::kRelative) {
        region_ = word;
        comma_ = false;
        clause_begins_ = true;
      } else if (ends_region(now)) {
        region_.clear();
      } else if (lists_.places.contains(word) && region_ != "as" && region_ != "where" &&
                 now != Tag::kDeterminer) {
        region_.clear();
      }
    }
  }
  /// "a man without a shirt is digging": the sentence goes on. A clause has its own verb.
  bool ends_region(Tag now) const {
    static constexpr std::array<std::string_view, 7> kClauses = {
        "after", "before", "until", "since", "as", "if", "than"};
    if (std::find(kClauses.begin(), kClauses.end(), region_) != kClauses.end()) return false;
    if (region_ == "where") return now == Tag::kAuxiliary;
    return now == Tag::kAuxiliary || now == Tag::kVerbThird || now == Tag::kVerbPast;
  }
  /// "where a barn once stood"
  bool past_place(std::size_t at) const {
    for (std::size_t i = at + 1; i < segment_.size() && !text(i).empty(); ++i) {
      if (text(i) == "once" || text(i) == "formerly") return true;
    }
    return false;
  }

  bool in_absent_region(std::size_t k) {
    if (region_.empty()) return false;
    if (comma_ && !continues_list(k)) {
      region_.clear();
      comma_ = false;
      return false;
    }
    comma_ = false;
    const NounPhrase& phrase = phrases_[k];
    if (region_ == "as") {
      // Background of the news has a subject that nobody can see: "as the council decides".
      if (std::exchange(clause_begins_, false) && !phrase.naming.tag.empty()) region_.clear();
      return !region_.empty();
    }
    if (region_ == "against") {
      if (person_or_group(phrase)) return true;
      region_.clear();
      return false;
    }
    if (region_ == "for" && !something_ && !phrase.naming.tag.empty() && !person_or_group(phrase)) {
      region_.clear();  // "ideas for small bathrooms" show a bathroom
      return false;
    }
    return true;
  }

  bool is_measure(std::size_t k) const {
    const NounPhrase& phrase = phrases_[k];
    if (text(phrase.run.end) != "of" || phrase.run.end == phrase.run.begin) return false;
    const Token& head = segment_[phrase.run.end - 1];
    return is_noun(head) && lists_.measures.contains(head.base) &&
           phrase.naming.words.end - phrase.naming.words.begin <= 1;
  }

  /// "trail to the summit", but not "waves to fans".
  bool is_destination(std::size_t k) {
    const std::size_t start = phrases_[k].start;
    if (start == 0 || tag(start - 1) != Tag::kTo) {
      return k > 0 && continues_list(k) && destination_ == k - 1 && mark(k);
    }
    if (start < 2 || person_or_group(phrases_[k])) return false;
    return (is_noun(segment_[start - 2]) || leads(start - 2)) && mark(k);
  }
  /// "stairs leading down", "a road that leads"
  bool leads(std::size_t i) const {
    static constexpr std::array<std::string_view, 5> kWays = {"up", "down", "out", "back", "off"};
    if (i > 0 && std::find(kWays.begin(), kWays.end(), text(i)) != kWays.end()) --i;
    return (acts(i) || tag(i) == Tag::kParticiple) &&
           lists_.leading_verbs.contains(segment_[i].base);
  }
  bool acts(std::size_t i) const { return is_verb(i) || tag(i) == Tag::kGerund; }

  /// "map of the rivers and lakes"
  bool is_spoken_of(std::size_t k) {
    const std::size_t start = phrases_[k].start;
    if (k > 0 && continues_list(k) && spoken_of_ == k - 1) return mark_spoken_of(k);
    if (start < 2 || text(start - 1) != "of" || !is_noun(segment_[start - 2])) return false;
    return lists_.absent_of.contains(segment_[start - 2].base) && mark_spoken_of(k);
  }
  bool mark_spoken_of(std::size_t k) {
    spoken_of_ = k;
    return true;
  }
  /// "a dog that has lost its collar", but not "a lost collar".
  bool is_wanted(std::size_t k) const {
    const std::size_t start = phrases_[k].start;
    if (start < 2 || !lists_.wanting_verbs.contains(segment_[start - 1].base)) return false;
    return acts(start - 1) || (tag(start - 1) == Tag::kParticiple && start < phrases_[k].run.begin);
  }
  /// "a cake made by <PERSON>", "painting by <PERSON>"
  bool is_maker(std::size_t k) const {
    const std::size_t start = phrases_[k].start;
    if (start < 2 || text(start - 1) != "by" || !person_or_group(phrases_[k])) return false;
    const Token& before = segment_[start - 2];
    if (is_noun(before)) {
      return text(phrases_[k].run.begin) == "person" &&
             (lists_.see_through.contains(before.base) ||
              (k > 0 && phrases_[k - 1].run.end + 1 == start && phrases_[k - 1].is_object() &&
               !person_or_group(phrases_[k - 1])));
    }
    const bool done = tag(start - 2) == Tag::kParticiple || tag(start - 2) == Tag::kVerbPast;
    const bool somebody = text(phrases_[k].run.begin) == "person" ||
                          has_determiner(phrases_[k], lists_.owners);  // "taken by my son"
    return done && (lists_.making_verbs.contains(before.base) ||
                    (somebody && lists_.agents.contains(before.base)));
  }
  /// "funny cat, t-shirt design"
  bool is_printed_on(std::size_t k) const {
    const NounPhrase& phrase = phrases_[k];
    const bool begins = phrase.start == 0 || tag(phrase.start - 1) == Tag::kStop;
    return something_ && begins && phrase.naming.words.end < phrase.run.end &&
           tag(phrase.run.end) == Tag::kStop &&
           lists_.designs.contains(segment_[phrase.run.end - 1].base);
  }

  bool mark(std::size_t k) {
    destination_ = k;
    return true;
  }

  /// "view from the terrace of our cabin" shows the terrace at most.
  bool is_behind_view(std::size_t k) const {
    if (k < 2 || governor(k) != "of") return false;
    const std::string& before = governor(k - 1);
    if (before != "from" && before != "out of" && before != "through") return false;
    const std::size_t end = phrases_[k - 1].start;
    return std::any_of(segment_.begin(), segment_.begin() + static_cast<std::ptrdiff_t>(end),
                       [](const Token& token) { return token.base == "view"; });
  }

  bool is_verb(std::size_t i) const {
    return tag(i) == Tag::kVerb || tag(i) == Tag::kVerbThird || tag(i) == Tag::kVerbPast;
  }
  bool speaks(std::size_t k) const {
    const std::size_t next = phrases_[k].run.end;
    return (is_verb(next) || tag(next) == Tag::kParticiple) &&
           lists_.reporting_verbs.contains(segment_[next].base);
  }
  /// "call dealer for details"
  bool is_called_for(std::size_t k) const {
    return phrases_[k].start == 1 && lists_.calls_to_action.contains(text(0)) &&
           !is_noun(segment_[0]);
  }
  /// "a quilt that my aunt made"
  bool made_it(std::size_t k) const {
    const NounPhrase& phrase = phrases_[k];
    const std::size_t next = phrase.run.end;
    const bool verb = is_verb(next) || (tag(next) == Tag::kParticiple && text(next + 1) != "of");
    if (k == 0 || !verb || !lists_.making_verbs.contains(segment_[next].base)) return false;
    const bool relative = phrase.start > 0 && (tag(phrase.start - 1) == Tag::kRelative ||
                                               is_noun(segment_[phrase.start - 1]));
    return relative && has_determiner(phrase, lists_.owners);
  }
  bool has_determiner(const NounPhrase& phrase, const WordSet& words) const {
    for (std::size_t i = phrase.start; i < phrase.run.begin; ++i) {
      if (words.contains(text(i))) return true;
    }
    return false;
  }
  bool is_reader(std::size_t k) const {
    const NounPhrase& phrase = phrases_[k];
    for (std::size_t i = phrase.start; i < phrase.run.begin; ++i) {
      if (text(i) == "your") return lists_.addressed.contains(phrase.naming.tag);
    }
    return false;
  }
  bool denied(std::size_t k) {
    const NounPhrase& phrase = phrases_[k];
    for (std::size_t i = phrase.start; i < phrase.run.begin; ++i) {
      if (text(i) == "no" || text(i) == "neither") return mark_denied(k);
    }
    return k > 0 && continues_list(k) && denied_ == k - 1 && mark_denied(k);
  }
  bool mark_denied(std::size_t k) {
    denied_ = k;
    return true;
  }

  static constexpr std::size_t kNone = static_cast<std::size_t>(-2);
  const Segment& segment_;
  const Vocabulary& vocabulary_;
  const TagLists& lists_;
  std::vector<NounPhrase>& phrases_;
  bool something_;
  std::size_t at_ = 0;
  std::string region_;  ///< the word that began it; empty outside
  bool comma_ = false;
  bool clause_begins_ = false;
  std::size_t destination_ = kNone;
  std::size_t denied_ = kNone;
  std::size_t spoken_of_ = kNone;
};

}  // namespace

void mark_absent(const Segment& segment, const Vocabulary& vocabulary, bool something_before,
                 std::vector<NounPhrase>& phrases) {
  Judge(segment, vocabulary, something_before, phrases).run();
}

}  // namespace tagalign::data
