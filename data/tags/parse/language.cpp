#include "data/tags/parse/language.h"

namespace tagalign::data {
namespace {

struct Evidence {
  int words = 0;
  int known = 0;
  int english = 0;  ///< small words of English
  int foreign = 0;  ///< small words of other languages
};

void count(const Segment& segment, bool title_case, const Vocabulary& vocabulary, WordMemory& words,
           Evidence& evidence) {
  const TagLists& lists = vocabulary.lists();
  for (const Token& token : segment) {
    const std::string& word = token.text;
    if (word.size() < 2 || word[0] < 'a' || word[0] > 'z' || word == "'s") continue;
    const bool small = lists.determiners.contains(word) || lists.prepositions.contains(word) ||
                       lists.owners.contains(word) || lists.conjunctions.contains(word) ||
                       lists.auxiliaries.contains(word) || word == "to";
    if (small) ++evidence.english;
    const bool foreign = !small && lists.foreign_words.contains(word);
    if (foreign) ++evidence.foreign;
    const bool known = !foreign && words.facts(word).known;
    if (token.capital && !title_case && !known) continue;  // a name
    ++evidence.words;
    if (known) ++evidence.known;
  }
}

bool judge(const Evidence& evidence) {
  if (evidence.foreign >= 2 && evidence.foreign > evidence.english) return false;
  if (evidence.foreign >= 1 && evidence.english == 0 && evidence.known * 4 < evidence.words * 3)
    return false;
  return evidence.known * 5 >= evidence.words * 2;
}

}  // namespace

bool is_english(const PlainText& text, const Tokens& tokens, const Vocabulary& vocabulary,
                WordMemory& words) {
  if (text.other_letters * 3 > text.latin_letters) return false;
  Evidence evidence;
  for (const Segment& segment : tokens.segments)
    count(segment, tokens.title_case, vocabulary, words, evidence);
  return judge(evidence);
}

bool is_english(const Segment& segment, bool title_case, const Vocabulary& vocabulary,
                WordMemory& words) {
  Evidence evidence;
  count(segment, title_case, vocabulary, words, evidence);
  return judge(evidence);
}

}  // namespace tagalign::data
