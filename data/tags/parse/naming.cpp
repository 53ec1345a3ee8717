#include "data/tags/parse/naming.h"

#include <algorithm>
#include <array>

namespace tagalign::data {
namespace {

constexpr std::size_t kCompoundWordsMax = 4;

bool joins(const Token& token) {
  return token.text.empty() || token.tag == Tag::kConjunction || token.tag == Tag::kNumber;
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

std::string Namer::known_compound(const std::vector<std::string>& words, bool literal) const {
  std::string spaced, hyphened, joined;
  for (const std::string& word : words) {
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
  const auto is_noun = [&](const std::string& text) {
    const WordEntry* entry = vocabulary_.wordnet().find(text);
    return entry != nullptr && entry->is_a(WordClass::kNoun) && !entry->proper;
  };
  if (is_noun(spaced)) return spaced;
  if (literal) return {};  // "tall grass" is no "tall-grass"
  if (is_noun(hyphened)) return hyphened;
  return words.size() == 2 && is_noun(joined) ? joined : std::string();
}

std::string Namer::compound(const Segment& segment, Span words) const {
  std::vector<std::string> parts;
  for (std::size_t i = words.begin; i < words.end; ++i) {
    if (joins(segment[i])) return {};
    parts.push_back(segment[i].text);
  }
  const bool literal = is_literal(segment[words.begin]);
  const Token& last = segment[words.end - 1];
  if (is_noun(last)) parts.back() = last.base;
  std::string found = known_compound(parts, literal);
  if (const auto blank = parts[0].find(' '); found.empty() && blank != std::string::npos) {
    parts[0][blank] = '-';  // "white-tailed deer"
    found = known_compound(parts, false);
  }
  if (found.empty() && vocabulary_.lists().plural_only.contains(last.text)) {
    parts.back() = vocabulary_.words().plural_base(last.text);  // "wine glasses"
    if (!parts.back().empty()) found = known_compound(parts, literal);
  }
  return found;
}

/// Colours, sizes, ages: belong to a kind only in names of animals, food and plants.
bool Namer::is_literal(const Token& token) const {
  const auto& lists = vocabulary_.lists();
  const WordEntry* entry = vocabulary_.wordnet().find(token.text);
  const bool noun = entry != nullptr && entry->is_a(WordClass::kNoun);
  if (noun && lists.materials.contains(token.text)) return false;  // "gold leaf"
  if (lists.colours.contains(token.text)) return true;
  return !is_noun(token) && token.tag != Tag::kGerund &&
         (lists.visible.contains(token.text) || lists.patterns.contains(token.text) ||
          lists.materials.contains(token.text));
}

Namer::Kind Namer::judge(const Segment& segment, Span words, const std::string& text) const {
  const auto& lists = vocabulary_.lists();
  if (lists.dead.contains(text) || lists.stop.contains(text)) return Kind::kDead;
  if (lists.not_compounds.contains(text)) return Kind::kNone;
  if (lists.compounds.contains(text) || lists.keep.contains(text)) return Kind::kVisible;
  const WordEntry& entry = *vocabulary_.wordnet().find(text);
  if (is_literal(segment[words.begin]) && !names_a_kind(entry)) return Kind::kNone;
  if (names_something_visible(entry)) return Kind::kVisible;
  const bool qualified = segment[words.begin].tag == Tag::kAdjective;
  if (qualified) return Kind::kNone;  // "rich people", "good book": the noun alone decides
  // lexnames(5): noun.communication, group, location, possession. A bus ticket is a ticket.
  constexpr std::array<std::uint8_t, 4> kThingLike = {10, 14, 15, 21};
  const bool thing =
      std::find(kThingLike.begin(), kThingLike.end(), entry.fields[0]) != kThingLike.end();
  const bool head = vocabulary_.words().visible(segment[words.end - 1].base);
  return thing && head ? Kind::kVisible : Kind::kDead;
}

/// The tag of one noun. "glasses of wine" are no spectacles.
std::string Namer::single(const Segment& segment, std::size_t at) const {
  const Token& token = segment[at];
  const bool poured = at + 1 < segment.size() && segment[at + 1].text == "of";
  const bool counted = at > 0 && segment[at - 1].tag == Tag::kNumber;
  if ((poured || counted) && vocabulary_.lists().plural_only.contains(token.text)) {
    const std::string base = vocabulary_.words().plural_base(token.text);
    if (base.size() > 4 && vocabulary_.words().visible(base)) return base;
  }
  return spelled(token.base);
}

bool Namer::unknown(const Token& token) const {
  const auto& lists = vocabulary_.lists();
  if (lists.keep.contains(token.base) || lists.stop.contains(token.base)) return false;
  const WordEntry* entry = vocabulary_.wordnet().find(token.base);
  return entry == nullptr || !entry->is_a(WordClass::kNoun) || names_one(*entry);
}

/// "my old Canon", "in Nice": a capital where the words around have none. "the Harbour" and
/// "City Museum" are common nouns.
bool Namer::is_a_name(const Segment& segment, Span run, std::size_t head) const {
  if (!segment[head].capital || head == 0) return false;
  const bool alone = head == run.begin;
  std::size_t last = head - 1;
  while (last > run.begin && segment[last].tag == Tag::kNumber) --last;
  const Token& before = segment[last];
  if (alone) return before.tag != Tag::kDeterminer && !before.text.empty();
  return !before.capital && before.tag != Tag::kDeterminer;
}

/// "Ford Mustang": a maker's name before a noun that is no kind of artefact.
bool Namer::is_a_model(const Segment& segment, Span run, std::size_t head) const {
  const auto& lists = vocabulary_.lists();
  if (head == run.begin || !lists.makers.contains(segment[head - 1].text)) return false;
  if (lists.models.contains(segment[head].base)) return true;
  constexpr std::array<std::uint8_t, 4> kNames = {5, 17, 19, 20};  ///< animal, object, …, plant
  const WordEntry* entry = vocabulary_.wordnet().find(segment[head].base);
  return entry != nullptr &&
         std::find(kNames.begin(), kNames.end(), entry->fields[0]) != kNames.end();
}

/// "the White House": a name of WordNet, written as one.
bool Namer::names_place(const Segment& segment, Span run) const {
  std::string text;
  for (std::size_t i = run.end; i > run.begin; --i) {
    if (!segment[i - 1].capital) return false;
    text = segment[i - 1].text + (text.empty() ? "" : " ") + text;
    const WordEntry* entry = vocabulary_.wordnet().find(text);
    if (i < run.end && entry != nullptr && entry->proper) return true;
  }
  return false;
}

/// "floor lamp arc": a compound is not a mere modifier of what stands behind it.
Naming Namer::compound_before(const Segment& segment, Span run) const {
  if (run.end < run.begin + 2 || vocabulary_.lists().stop.contains(segment[run.end].base))
    return {};
  const Span words{run.end - 2, run.end};
  const std::string text = is_noun(segment[run.end - 1]) ? compound(segment, words) : "";
  if (text.empty() || judge(segment, words, text) != Kind::kVisible) return {};
  return {spelled(text), words};
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
    if (first_choice && capitals_tell && is_a_name(segment, run, head)) {
      first_choice = false;
      --end;
      continue;
    }
    if (is_a_model(segment, run, head)) {
      first_choice = false;
      end -= 2;
      continue;
    }
    if (capitals_tell && names_place(segment, {run.begin, end})) return {};
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
    if (dead == 0 && (vocabulary_.words().visible(token.base) || lists.keep.contains(token.text)) &&
        !lists.see_through.contains(token.base))
      return {single(segment, head), {head, end}};
    const bool named = unknown(token) && token.capital;
    const bool through = dead > 0 || lists.see_through.contains(token.base) || named ||
                         ((is_surface(token, lists) || lists.visible.contains(token.text)) &&
                          head > run.begin);  // "Basket Round"
    if (!through) return compound_before(segment, {run.begin, head});
    end -= std::max<std::size_t>(dead, 1);
    first_choice = false;
  }
  return {};
}

}  // namespace tagalign::data
