// The measures of the style, on every source file: short functions and short files.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/tidy/source_files.h"
#include "tests/tidy/source_scan.h"

namespace tagalign::tidy {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// ---------------------------------------------------------------- the ruler itself

TEST(SourceScan, CommentsLiteralsAndDirectives_AreBlankedAndLinesStay) {
  EXPECT_EQ(without_comments_and_literals("a // {\nb"), "a     \nb");
  EXPECT_EQ(without_comments_and_literals("f(\"}\\\"{\")"), "f(      )");
  EXPECT_EQ(without_comments_and_literals("1'000 '{'"), "1'000    ");
  EXPECT_EQ(without_comments_and_literals("x = R\"y({\n})y\";"), "x =      \n    ;");
  EXPECT_EQ(without_comments_and_literals("#define A {\\\n {\nz"), "            \n  \nz");
}

TEST(SourceScan, Functions_AreMeasuredFromTheirNameToTheirBrace) {
  const auto found = functions_of(
      "namespace n {\nclass C {\n  int f() const {\n    return 1;\n  }\n};\n"
      "struct S g(\n    int a) {\n  const auto h = [] {\n  };\n}\nint x[] = {1};\n}\n");
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].first_line, 3);
  EXPECT_EQ(found[0].lines, 3);
  EXPECT_EQ(found[1].first_line, 7);
  EXPECT_EQ(found[1].lines, 5);
}

TEST(SourceScan, OrphanLines_AreThoseThatEndFilledProse) {
  const std::string filled = "/// " + std::string(80, 'w') + "\n";
  EXPECT_THAT(orphan_lines(filled + "/// the end.\nint a;\n"), ElementsAre(2));
  EXPECT_THAT(orphan_lines(filled + "/// the end.\n///\n" + filled), ElementsAre(2));
  EXPECT_THAT(orphan_lines("  //  short\n  //  end\n"), IsEmpty());
  EXPECT_THAT(orphan_lines(filled + "/// four words are enough\n"), IsEmpty());
  EXPECT_THAT(orphan_lines("/// alone\nint a;\n"), IsEmpty());
  EXPECT_THAT(orphan_lines(filled + "/// Threads  one.\n"), IsEmpty()) << "a row of a table";
  EXPECT_THAT(orphan_lines(filled + "///          than once.\n"), ElementsAre(2)) << "hanging";
}

// ---------------------------------------------------------------- the tree

/// Tests tell stories; a story may be somewhat longer than a function of the product.
struct Limits {
  long file_lines;
  long function_lines;
};
constexpr Limits kProduct{.file_lines = 400, .function_lines = 45};
constexpr Limits kTests{.file_lines = 400, .function_lines = 45};

void expect_within(const std::vector<std::string>& files, const Limits& limits) {
  ASSERT_GT(files.size(), 50u);
  for (const auto& file : files) {
    const std::string text = text_of(file);
    EXPECT_LE(std::count(text.begin(), text.end(), '\n'), limits.file_lines) << file;
    for (const auto& function : functions_of(text)) {
      EXPECT_LE(function.lines, limits.function_lines)
          << file << ":" << function.first_line << ": a function of this length";
    }
  }
}

TEST(SourceStyle, FilesAndFunctions_StayShort) {
  expect_within(product_files(), kProduct);
  expect_within(source_files({"tests"}), kTests);
}

}  // namespace
}  // namespace tagalign::tidy
