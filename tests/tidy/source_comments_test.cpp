// Comments of every source file are whole: wrapped by hand, and with the name that they explain.
#include <gtest/gtest.h>

#include <string>

#include "tests/tidy/source_files.h"
#include "tests/tidy/source_scan.h"

namespace tagalign::tidy {
namespace {

TEST(SourceComments, Blocks_EndInNoOrphanLine) {
  for (const auto& files : {product_files(), source_files({"tests"})}) {
    for (const auto& file : files) {
      for (const long line : orphan_lines(text_of(file)))
        ADD_FAILURE() << file << ":" << line << ": a comment ends in a line of up to three words";
    }
  }
}

TEST(SourceComments, TrailingComments_StayInTheLineOfTheirName) {
  for (const auto& file : product_files()) {
    const std::string text = "\n" + text_of(file);
    for (auto at = text.find("///<"); at != std::string::npos; at = text.find("///<", at + 1)) {
      const auto begin = text.rfind('\n', at) + 1;
      EXPECT_LT(text.find_first_not_of(' ', begin), at)
          << file << ": a line begins with ///<; put the comment above the declaration";
    }
  }
}

}  // namespace
}  // namespace tagalign::tidy
