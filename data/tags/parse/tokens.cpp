#include "data/tags/parse/tokens.h"

#include <algorithm>
#include <array>

namespace tagalign::data {
namespace {

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_word(char c) {
  return is_letter(c) || is_digit(c);
}

/// Walks the text once and hands words and breaks over.
class Cutter {
 public:
  Cutter(std::string_view text, const Vocabulary& vocabulary)
      : text_(text), vocabulary_(vocabulary) {}

  Tokens run() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (is_word(c)) {
        take_word();
      } else {
        take_sign(c);
      }
    }
    end_segment();
    std::size_t capitals = 0;
    for (const bool capital : long_words_) capitals += capital ? 1 : 0;
    tokens_.title_case = long_words_.size() > 1 && capitals * 10 >= long_words_.size() * 6;
    return std::move(tokens_);
  }

 private:
  char peek(std::size_t ahead) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : ' ';
  }
  char before() const { return at_ == 0 ? ' ' : text_[at_ - 1]; }

  void end_segment() {
    while (!segment_.empty() && segment_.back().text.empty()) segment_.pop_back();
    if (!segment_.empty()) tokens_.segments.push_back(std::move(segment_));
    segment_.clear();
  }
  void comma() {
    if (!segment_.empty() && !segment_.back().text.empty()) segment_.push_back({});
  }

  void take_word() {
    const std::size_t begin = at_;
    while (is_word(peek(0)) || ((peek(0) == '\'' || peek(0) == '-') && is_word(peek(1))) ||
           ((peek(0) == '.' || peek(0) == ',') && is_digit(before()) && is_digit(peek(1))))
      ++at_;
    std::string word(text_.substr(begin, at_ - begin));
    const bool capital = word[0] >= 'A' && word[0] <= 'Z';
    if (word.size() > 3 && begin > 0 && is_letter(word[0])) long_words_.push_back(capital);
    std::transform(word.begin(), word.end(), word.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    if (word == "w" && peek(0) == '/') {
      word = "with";
      ++at_;
    }
    add_word(word, capital);
  }

  void take_sign(char c) {
    ++at_;
    switch (c) {
      case '"':  // inches
        if (at_ > 1 && is_digit(text_[at_ - 2]) && !segment_.empty())
          segment_.back().measure = true;
        return;
      case ' ':
      case '\'':
      case '$':
      case '%':
      case '^':
      case '`':
        if (c == '\'' && before() == '\'' && at_ > 1 && text_[at_ - 2] == 's' && !segment_.empty())
          push("'", false);
        return;
      case '#':
        tokens_.hashtags = true;
        return comma();
      case ',':
        return comma();
      case '&':
      case '+':
        return push("and", false);
      case '/':
        return peek(0) == ' ' ? end_segment() : comma();
      case '-':
        return before_was_blank() && peek(0) != ' ' ? void() : end_segment();
      case '[':
        at_ = std::min(text_.find(']', at_), text_.size() - 1) + 1;
        return end_segment();
      default:
        return end_segment();
    }
  }
  bool before_was_blank() const { return at_ < 2 || text_[at_ - 2] == ' '; }

  void push(std::string_view word, bool capital) {
    if (segment_.size() >= kSegmentTokensMax) end_segment();
    segment_.push_back({std::string(word), capital});
  }

  bool is_entry(std::string_view word) const {
    const auto& lists = vocabulary_.lists();
    return vocabulary_.wordnet().find(word) != nullptr || lists.keep.contains(word) ||
           lists.visible.contains(word) || lists.phrases.contains(word);
  }

  void add_word(const std::string& word, bool capital) {
    const auto& lists = vocabulary_.lists();
    if (const auto mark = word.find('\''); mark != std::string::npos) {
      if (lists.pronouns.contains(word) || lists.auxiliaries.contains(word) ||
          lists.modals.contains(word))
        return push(word, capital);
      add_word(word.substr(0, mark), capital);
      if (word.substr(mark) == "'s") push("'s", false);
      return;
    }
    if (word.find('-') != std::string::npos) return add_hyphenated(word, capital);
    push(word, capital);
  }

  void add_hyphenated(const std::string& word, bool capital) {
    if (std::any_of(word.begin(), word.end(), is_digit)) return push(word, capital);
    const auto& words = vocabulary_.words();
    std::string joined = word;
    std::erase(joined, '-');
    std::string parts = word;
    std::replace(parts.begin(), parts.end(), '-', ' ');
    const auto all = split_words(parts);
    if (!words.singular(word).empty()) return push(word, capital);
    if (says_how_it_is(parts) || (is_entry(word) && is_quality(all.back())) ||
        vocabulary_.lists().seen_ends.contains(all.back()))
      return push_quality(parts, capital);
    if (is_entry(word)) return push(word, capital);
    if (is_entry(joined) || !words.singular(joined).empty()) return push(joined, capital);
    if (vocabulary_.lists().describing_ends.contains(all.back()) || is_quality(all.back()))
      return push_quality(parts, capital);
    for (const std::string& part : all) push(part, capital);
  }
  bool says_how_it_is(const std::string& words) const {
    const auto& lists = vocabulary_.lists();
    return lists.visible.contains(words) || lists.colours.contains(words) ||
           lists.patterns.contains(words) || lists.materials.contains(words);
  }
  bool is_quality(std::string_view word) const {
    const auto readings = vocabulary_.words().readings(word);
    return std::all_of(readings.begin(), readings.end(), [](const Reading& each) {
      return each.tag == Tag::kAdjective || each.tag == Tag::kParticiple ||
             each.tag == Tag::kVerbPast || each.tag == Tag::kGerund;
    });
  }
  /// "snow-covered" is one token, "snow covered".
  void push_quality(const std::string& words, bool capital) {
    push(words, capital);
    segment_.back().tag = Tag::kAdjective;
    segment_.back().base = words;
  }

  std::string_view text_;
  const Vocabulary& vocabulary_;
  std::size_t at_ = 0;
  Tokens tokens_;
  Segment segment_;
  std::vector<bool> long_words_;
};

bool matches(const Segment& segment, std::size_t at, const std::vector<std::string>& words) {
  if (at + words.size() > segment.size()) return false;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (segment[at + i].text != words[i]) return false;
  }
  return true;
}

/// "in the dark", but not the beginning of "in the dark forest".
bool goes_on(const Segment& segment, std::size_t at, const std::string& first,
             const Vocabulary& vocabulary) {
  if (!vocabulary.lists().prepositions.contains(first) || at >= segment.size()) return false;
  const auto readings = vocabulary.words().readings(segment[at].text);
  return std::any_of(readings.begin(), readings.end(), [](const Reading& each) {
    return each.tag == Tag::kNoun || each.tag == Tag::kNouns || each.tag == Tag::kAdjective;
  });
}

/// "blue eyed", where the hyphen is missing.
bool joins_the_last(const Token& token, const Segment& before, const Vocabulary& vocabulary) {
  if (token.tag || before.empty() || !vocabulary.lists().joining_ends.contains(token.text))
    return false;
  const Token& last = before.back();
  if (last.tag || last.text.empty() || !is_letter(last.text.front())) return false;
  const auto readings = vocabulary.words().readings(last.text);
  return std::any_of(readings.begin(), readings.end(), [](const Reading& each) {
    return each.tag == Tag::kNoun || each.tag == Tag::kAdjective || each.tag == Tag::kNumber;
  });
}

/// Phrases become commas, prepositions of several words one token.
Segment merged(const Segment& segment, const Vocabulary& vocabulary) {
  Segment out;
  out.reserve(segment.size());
  for (std::size_t i = 0; i < segment.size();) {
    if (joins_the_last(segment[i], out, vocabulary)) {
      Token& last = out.back();
      last.text += " " + segment[i++].text;
      last.tag = Tag::kAdjective;
      last.base = last.text;
      continue;
    }
    const Vocabulary::Sequence* found = nullptr;
    for (const auto& sequence : vocabulary.sequences(segment[i].text)) {
      if (!matches(segment, i, sequence.words)) continue;
      if (!sequence.is_preposition &&
          goes_on(segment, i + sequence.words.size(), segment[i].text, vocabulary))
        continue;
      found = &sequence;
      break;
    }
    if (found == nullptr) {
      out.push_back(segment[i++]);
      continue;
    }
    if (found->is_preposition) {
      std::string text;
      for (const std::string& word : found->words) text += (text.empty() ? "" : " ") + word;
      out.push_back({text, false, false, Tag::kPreposition, text});
    } else if (!out.empty() && !out.back().text.empty()) {
      out.push_back({});
    }
    i += found->words.size();
  }
  return out;
}

bool is_number(const Token& token) {
  return !token.text.empty() && is_digit(token.text.front());
}

/// "20mm", "12-inch", "8x10", "14k"; but "4x4" is a kind of car, "4k" of screen.
bool holds_a_unit(const std::string& word, const TagLists& lists) {
  const std::size_t end = word.find_first_not_of("0123456789.,");
  if (!is_digit(word.front()) || end == std::string::npos || word == "4x4") return false;
  const std::string rest = word.substr(word[end] == '-' ? end + 1 : end);
  const bool gold = rest == "k" && end == 2;  // karat
  const bool sides = rest.size() > 1 && rest.front() == 'x' && is_digit(rest[1]);
  return sides || gold || (lists.units.contains(rest) && rest != "k" && rest != "x");
}

/// Behind "size": 12, xl.
bool is_size(const Token& token) {
  static constexpr std::array<std::string_view, 9> kSizes = {"xs",  "s",     "m",      "l",    "xl",
                                                             "xxl", "small", "medium", "large"};
  return is_number(token) || std::find(kSizes.begin(), kSizes.end(), token.text) != kSizes.end();
}

/// Of a measurement only a number stays, which is marked: "54 x 84 in", "size XL".
Segment without_units(const Segment& segment, const TagLists& lists) {
  Segment out;
  out.reserve(segment.size());
  for (std::size_t i = 0; i < segment.size(); ++i) {
    const Token& token = segment[i];
    const bool behind = i > 0 && is_number(segment[i - 1]);
    const bool last =
        i + 1 == segment.size() || segment[i + 1].text.empty() || is_number(segment[i + 1]);
    const bool ambiguous = lists.prepositions.contains(token.text);
    if (behind && lists.units.contains(token.text) && (last || !ambiguous)) {
      out.back().measure = true;
      continue;
    }
    if (token.text == "size" && i + 1 < segment.size() && is_size(segment[i + 1])) {
      out.push_back({"size", false, true, Tag::kNumber, "size"});
      ++i;
      continue;
    }
    const bool letter = token.text.size() == 1 && !lists.determiners.contains(token.text) &&
                        !lists.pronouns.contains(token.text);
    out.push_back(token);
    out.back().measure = token.measure || (is_number(token) && holds_a_unit(token.text, lists));
    if (letter && token.text != "'") out.back().tag = Tag::kNumber, out.back().base = token.text;
  }
  return out;
}

}  // namespace

Tokens cut(std::string_view text, const Vocabulary& vocabulary) {
  Tokens tokens = Cutter(text, vocabulary).run();
  std::vector<Segment> segments;
  for (const Segment& segment : tokens.segments) {
    Segment clean = without_units(merged(segment, vocabulary), vocabulary.lists());
    while (!clean.empty() && clean.back().text.empty()) clean.pop_back();
    if (!clean.empty()) segments.push_back(std::move(clean));
  }
  tokens.segments = std::move(segments);
  return tokens;
}

}  // namespace tagalign::data
