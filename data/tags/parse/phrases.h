/// Noun phrases of a tagged segment, what each names, and whether that is in the picture.
#pragma once

#include <string>
#include <vector>

#include "data/tags/parse/naming.h"
#include "data/tags/parse/tokens.h"

namespace tagalign::data {

struct NounPhrase {
  Span run;                   ///< without determiners
  std::size_t start = 0;      ///< of its determiners
  Naming naming;              ///< no tag: nothing to outline
  bool owner = false;         ///< of the phrase behind it: "Dad's"
  bool absent = false;        ///< named, but not in the picture
  bool only_surface = false;  ///< colours and the like without a noun: "navy blue"

  bool is_object() const { return !naming.tag.empty() && !owner && !absent; }
};

/// In their order; they do not overlap. `segment` is tagged. `something_before`: an
/// earlier segment named an object.
std::vector<NounPhrase> find_phrases(const Segment& segment, const Vocabulary& vocabulary,
                                     bool capitals_tell, bool something_before);

/// Marks phrases as absent: measures, destinations, purposes, causes, what is denied, the makers
/// and owners of things.
void mark_absent(const Segment& segment, const Vocabulary& vocabulary, bool something_before,
                 std::vector<NounPhrase>& phrases);

}  // namespace tagalign::data
