#include "data/tags/parse/naming.h"

#include <algorithm>

namespace tagalign::data {
namespace {

constexpr std::size_t kCompoundWordsMax = 4;

bool joins(const Token& token) {
  return token.text.empty() || token.tag == Tag::kConjunction;
}

}  // namespace

bool is_noun(const Token& token) {
  return token.tag == Tag::kNoun || token.tag == Tag::kNouns;
}

bool is_surface(const Token& token, const TagLists& lists) {
  return lists.colours.contains(token.text) || lists.materials.contains(token.text) ||
         lists.patterns.contains(token.text);
}

std::string Namer::spelled(std::string_view tag) const {
  const auto& spellings = vocabulary_.lists().spellings;
  if (const auto whole = spellings.find(tag); whole != spellings.end()) return whole->second;
  if (tag.find(' ') == std::string_view::npos) return std::string(tag);
  std::string out;
  for (const std::string& word : split_words(tag)) {
    const auto found = spellings.find(word);
    out += (out.empty() ? "" : " ") + (found == spellings.end() ? word : found->second);
  }
  return out;
}

bool Namer::visible(std::string_view base) const {
  const auto& lists = vocabulary_.lists();
  if (base.size() < 2 || lists.stop.contains(base)) return false;
  if (lists.keep.contains(base)) return true;
  const WordEntry* entry = vocabulary_.wordnet().find(base);
  if (entry == nullptr || !entry->is_a(WordClass::kNoun) || entry->proper) return false;
  if (lists.colours.contains(base) && !names_a_kind(*entry)) return false;
  return names_something_visible(*entry);
}

std::string Namer::compound(const Segment& segment, Span words) const {
  std::string spaced, hyphened, joined;
  for (std::size_t i = words.begin; i < words.end; ++i) {
    if (joins(segment[i])) return {};
    const bool last = i + 1 == words.end;
    const std::string& word = last && is_noun(segment[i]) ? segment[i].base : segment[i].text;
    spaced += (spaced.empty() ? "" : " ") + word;
    hyphened += (hyphened.empty() ? "" : "-") + word;
    joined += word;
  }
  const auto& lists = vocabulary_.lists();
  for (const std::string* text : {&spaced, &hyphened}) {
    if (lists.compounds.contains(*text) || lists.dead.contains(*text) ||
        lists.not_compounds.contains(*text) || lists.stop.contains(*text) ||
        lists.keep.contains(*text))
      return *text;
  }
  for (const std::string* text : {&spaced, &hyphened, &joined}) {
    const WordEntry* entry = vocabulary_.wordnet().find(*text);
    const bool two = words.end - words.begin == 2;
    if (entry != nullptr && entry->is_a(WordClass::kNoun) && !entry->proper &&
        (text != &joined || two))
      return *text;
  }
  return {};
}

Namer::Kind Namer::judge(const Segment& segment, Span words, const std::string& text) const {
  const auto& lists = vocabulary_.lists();
  if (lists.dead.contains(text) || lists.stop.contains(text)) return Kind::kDead;
  if (lists.not_compounds.contains(text)) return Kind::kNone;
  if (lists.compounds.contains(text) || lists.keep.contains(text)) return Kind::kVisible;
  const WordEntry& entry = *vocabulary_.wordnet().find(text);
  const Token& first = segment[words.begin];
  const bool literal = lists.visible.contains(first.text) || lists.colours.contains(first.text) ||
                       lists.patterns.contains(first.text) ||
                       (lists.materials.contains(first.text) && !is_noun(first));
  const bool own_noun = is_noun(first) && !lists.colours.contains(first.text);
  if (literal && !own_noun && !names_a_kind(entry)) return Kind::kNone;
  if (names_something_visible(entry)) return Kind::kVisible;
  const std::string& head = segment[words.end - 1].base;
  return lists.keep.contains(head) ? Kind::kVisible : Kind::kDead;
}

bool Namer::unknown(const Token& token) const {
  const auto& lists = vocabulary_.lists();
  if (lists.keep.contains(token.base) || lists.stop.contains(token.base)) return false;
  const WordEntry* entry = vocabulary_.wordnet().find(token.base);
  return entry == nullptr || !entry->is_a(WordClass::kNoun) || entry->proper;
}

/// "my old Canon", "in Nice": a capital where the words around have none. "the Harbour" and
/// "City Museum" are common nouns.
bool Namer::is_a_name(const Segment& segment, Span run, std::size_t head) const {
  if (!segment[head].capital || head == 0) return false;
  const bool alone = head == run.begin;
  const Token& before = segment[head - 1];
  if (alone) return before.tag != Tag::kDeterminer && !before.text.empty();
  return !before.capital && before.tag != Tag::kDeterminer;
}

Naming Namer::name(const Segment& segment, Span run, bool capitals_tell) const {
  const auto& lists = vocabulary_.lists();
  std::size_t end = run.end;
  bool first_choice = true;
  while (end > run.begin) {
    const std::size_t head = end - 1;
    if (!is_noun(segment[head])) {
      --end;
      continue;
    }
    if (first_choice && capitals_tell && is_a_name(segment, run, head)) return {};
    std::size_t dead = 0;
    for (std::size_t n = std::min(kCompoundWordsMax, end - run.begin); n >= 2; --n) {
      const Span words{end - n, end};
      const std::string text = compound(segment, words);
      if (text.empty()) continue;
      const Kind kind = judge(segment, words, text);
      if (kind == Kind::kVisible) return {spelled(text), words};
      if (kind == Kind::kDead) dead = n;
      if (kind != Kind::kNone) break;
    }
    const Token& token = segment[head];
    if (dead == 0 && visible(token.base) && !lists.see_through.contains(token.base))
      return {spelled(token.base), {head, end}};
    const bool named = unknown(token) && token.capital;
    const bool through = dead > 0 || lists.see_through.contains(token.base) || named ||
                         (is_surface(token, lists) && head > run.begin);
    if (!through) return {};
    end -= std::max<std::size_t>(dead, 1);
    first_choice = false;
  }
  return {};
}

}  // namespace tagalign::data
