#include "data/tags/parse/caption_parser.h"

#include <algorithm>

#include "data/tags/parse/attributes.h"
#include "data/tags/parse/language.h"
#include "data/tags/parse/phrases.h"
#include "data/tags/parse/plain_text.h"
#include "data/tags/parse/tagger.h"
#include "data/tags/parse/tokens.h"

namespace tagalign::data {
namespace {

template <class T>
void add_once(std::vector<T>& all, T value) {
  if (std::find(all.begin(), all.end(), value) == all.end()) all.push_back(std::move(value));
}

/// Collects the tags of a caption segment by segment.
class Collector {
 public:
  Collector(const Vocabulary& vocabulary, WordMemory& words, const Tokens& tokens)
      : vocabulary_(vocabulary),
        words_(words),
        capitals_tell_(!tokens.title_case),
        something_happens_(tokens.hashtags) {}

  void add(Segment& segment) {
    correct(segment);
    choose_tags(segment, vocabulary_, words_);
    auto phrases = find_phrases(segment, vocabulary_, capitals_tell_, !tags_.objects.empty());
    mark_absent(segment, vocabulary_, !tags_.objects.empty(), phrases);
    const SegmentAttributes found = find_attributes(segment, vocabulary_, phrases);
    const bool first = tags_.objects.empty();
    for (const std::string& attribute : found.of_it) {
      if (!first) add_once(tags_.attributes, Attribute{attribute, tags_.objects.back()});
    }
    for (const NounPhrase& phrase : phrases) {
      if (phrase.is_object()) add_once(tags_.objects, phrase.naming.tag);
    }
    for (const PhraseAttribute& each : found.own) {
      const NounPhrase& phrase = phrases[each.phrase];
      if (phrase.is_object())
        add_once(tags_.attributes, Attribute{each.attribute, phrase.naming.tag});
    }
    if (first) something_happens_ = something_happens_ || happens(segment);
    if (tags_.objects.empty() || something_happens_) return;
    for (const std::string& attribute : found.alone)
      add_once(tags_.attributes, Attribute{attribute, tags_.objects.front()});
  }

  CaptionTags take() { return std::move(tags_); }

 private:
  void correct(Segment& segment) {
    for (Token& token : segment) {
      const bool plain = !token.capital && !token.tag && !token.text.empty() &&
                         token.text[0] >= 'a' && token.text[0] <= 'z';
      if (!plain || words_.facts(token.text).known) continue;
      std::string right = words_.corrected(token.text);
      if (!right.empty()) token.text = std::move(right);
    }
  }
  static bool happens(const Segment& segment) {
    for (std::size_t i = 0; i < segment.size(); ++i) {
      const auto tag = segment[i].tag;
      const bool infinitive = i > 0 && segment[i - 1].tag == Tag::kTo;
      if ((tag == Tag::kVerb && !infinitive) || tag == Tag::kVerbThird || tag == Tag::kVerbPast ||
          tag == Tag::kAuxiliary)
        return true;
    }
    return false;
  }

  const Vocabulary& vocabulary_;
  WordMemory& words_;
  bool capitals_tell_;
  bool something_happens_ = false;
  CaptionTags tags_;
};

}  // namespace

CaptionTags CaptionParser::parse(std::string_view caption) {
  const PlainText plain = plain_text(caption, vocabulary_.lists());
  Tokens tokens = cut(plain.text, vocabulary_);
  if (!is_english(plain, tokens, vocabulary_, words_)) return {.english = false};
  Collector collector(vocabulary_, words_, tokens);
  for (Segment& segment : tokens.segments) {
    if (is_english(segment, tokens.title_case, vocabulary_, words_)) collector.add(segment);
  }
  return collector.take();
}

std::string CaptionParser::normal_attribute(std::string_view tag) const {
  const PlainText plain = plain_text(tag, vocabulary_.lists());
  std::string out;
  for (const Segment& segment : cut(plain.text, vocabulary_).segments) {
    for (const Token& token : segment) {
      if (!token.text.empty()) out += (out.empty() ? "" : " ") + token.text;
    }
  }
  return out;
}

std::string CaptionParser::normal_object(std::string_view tag) {
  Segment segment;
  for (std::string& word : split_words(normal_attribute(tag))) segment.push_back({std::move(word)});
  if (segment.empty()) return {};
  choose_tags(segment, vocabulary_, words_);
  // The last word is a noun, whatever else it might be in a sentence.
  Token& last = segment.back();
  const std::string base = vocabulary_.words().singular(last.text);
  last.tag = Tag::kNoun;
  last.base = base.empty() ? last.text : base;
  const Namer namer(vocabulary_);
  const Naming naming = namer.name(segment, {0, segment.size()}, false);
  if (!naming.tag.empty()) return naming.tag;
  const bool unknown = base.empty() || vocabulary_.wordnet().find(base) == nullptr;
  return unknown && !vocabulary_.lists().stop.contains(last.base) ? normal_attribute(tag) : "";
}

}  // namespace tagalign::data
