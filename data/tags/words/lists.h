/// The lists of words that a person may replace: configs/tags/*.txt.
///
/// A file holds sections, "[name]", with entries separated by commas and line breaks; "#" begins a
/// comment. Entries are lower case; [spellings] holds "written = meant". Immutable after open();
/// safe from any thread.
#pragma once

#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/file_system.h"
#include "base/status.h"
#include "data/tags/words/wordnet.h"

namespace tagalign::data {

using WordSet = std::unordered_set<std::string, TextHash, std::equal_to<>>;

/// Each member is one section; configs/tags says what it is for.
struct TagLists {
  // nouns.txt
  WordSet keep, stop, see_through, measures, plural_only, same_in_plural, addressed, makers, models,
      designs, absent_of;
  // attributes.txt
  WordSet colours, shades, materials, patterns, visible, not_visible;
  WordSet of_the_nearest_noun, of_the_living, predicate_verbs, colouring_verbs, making_verbs;
  // compounds.txt
  WordSet compounds, not_compounds, dead;
  // text.txt
  WordSet phrases, noise_suffixes, site_endings, units, foreign_words;
  TextMap<std::string> spellings;
  // grammar.txt
  WordSet determiners, owners, pronouns, relatives, prepositions, conjunctions, auxiliaries;
  WordSet modals, adverbs, describing_ends, wearers, usually_nouns, unchanging_verbs,
      calls_to_action, means, also_open, numbers, reporting_verbs, absent, places, days,
      leading_verbs, wanting_verbs, agents, seen_ends, joining_ends, addresses;

  /// Reads the five files of `folder`. Errors name file and line: a section that is unknown or
  /// missing, an entry outside a section, a spelling without its "=".
  static Result<TagLists> open(FileSystem& files, const Path& folder);
};

}  // namespace tagalign::data
