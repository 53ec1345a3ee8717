/// The machine's WordNet with the project's lists, read once; tests that need it skip by name.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>

#include "data/tags/words/vocabulary.h"

namespace tagalign::data {

inline Path lists_folder() {
  const char* source = std::getenv("TAGALIGN_SOURCE");
  return Path(source == nullptr ? "." : source) / "configs/tags";
}
inline bool wordnet_is_here() {
  return posix_file_system().exists(Path(WordNet::kUsualFolder) / "index.noun");
}
inline const Vocabulary& vocabulary() {
  static const auto all =
      Vocabulary::open(posix_file_system(), WordNet::kUsualFolder, lists_folder());
  return **all;
}

}  // namespace tagalign::data

#define TA_REQUIRE_WORDNET()                                                      \
  do {                                                                            \
    if (!::tagalign::data::wordnet_is_here())                                     \
      GTEST_SKIP() << ::tagalign::data::WordNet::kUsualFolder                     \
                   << " holds no WordNet: install Debian's package wordnet-base"; \
  } while (false)
