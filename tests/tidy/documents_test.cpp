// Pages for people must not point at nothing: what they name in backticks with a slash, and what
// their links lead to, exists.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include "tests/tidy/source_files.h"

namespace tagalign::tidy {
namespace {

namespace fs = std::filesystem;

const std::vector<std::string>& pages() {
  static const std::vector<std::string> all = {"README.md", "DESIGN.md", "TERMS.md",
                                               "CONTRIBUTING.md"};
  return all;
}

/// The page's lines outside of fenced blocks, joined by line feeds.
std::string prose_of(const std::string& page) {
  std::istringstream stream(text_of(page));
  std::string prose;
  bool fenced = false;
  for (std::string line; std::getline(stream, line);) {
    if (line.starts_with("```")) {
      fenced = !fenced;
    } else if (!fenced) {
      prose += line + "\n";
    }
  }
  return prose;
}

std::vector<std::string> matches_of(const std::string& text, const std::regex& pattern) {
  std::vector<std::string> found;
  for (std::sregex_iterator it(text.begin(), text.end(), pattern), end; it != end; ++it) {
    found.push_back((*it)[1]);
  }
  return found;
}

/// Written by a build or a run, or outside the project.
bool is_elsewhere(const std::string& path) {
  static const std::vector<std::string> kElsewhere = {"../", "build/", "demo/"};
  return std::any_of(kElsewhere.begin(), kElsewhere.end(),
                     [&](const std::string& start) { return path.starts_with(start); });
}

/// What must exist of a path in which capitals stand for a name of the reader's
/// choice: model/methods/NAME/losses.h → model/methods.
fs::path fixed_part(const std::string& path) {
  static const std::regex kFree("(^|.*[^A-Za-z])(NAME|KIND|POOL)([^A-Za-z].*|$)");
  fs::path fixed;
  for (const auto& part : fs::path(path)) {
    if (std::regex_match(part.string(), kFree)) break;
    fixed /= part;
  }
  return fixed;
}

/// Words in backticks that look like paths of the project: a slash, and nothing that a
/// path here never holds.
std::vector<std::string> paths_in(const std::string& prose) {
  static const std::regex kWord("`([^`\n]+)`");
  static const std::regex kPath("[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*/?");
  std::vector<std::string> paths;
  for (const auto& word : matches_of(prose, kWord)) {
    if (word.find('/') != std::string::npos && std::regex_match(word, kPath) &&
        !is_elsewhere(word)) {
      paths.push_back(word);
    }
  }
  return paths;
}

TEST(Documents, EveryPathInBackticks_Exists) {
  for (const auto& page : pages()) {
    const std::string prose = prose_of(page);
    ASSERT_FALSE(prose.empty()) << page << " is missing or empty";
    for (const auto& path : paths_in(prose)) {
      EXPECT_TRUE(fs::exists(source_folder() / fixed_part(path)))
          << page << " names `" << path << "`, which does not exist: correct the page, or write "
          << "NAME, KIND or POOL for a part that the reader chooses";
    }
  }
}

TEST(Documents, EveryRelativeLink_Resolves) {
  const std::regex link("\\]\\(([^)#\\s]+)(?:#[^)]*)?\\)");
  for (const auto& page : pages()) {
    for (const auto& target : matches_of(prose_of(page), link)) {
      if (target.find("://") != std::string::npos) continue;
      EXPECT_TRUE(fs::exists(source_folder() / target))
          << page << " links to " << target << ", which does not exist";
    }
  }
}

TEST(Documents, ThePagesForPeople_LeadToEachOther) {
  const std::string readme = prose_of("README.md");
  for (const auto& page : pages()) {
    if (page == "README.md") continue;
    EXPECT_THAT(readme, testing::HasSubstr("](" + page + ")")) << "a reader starts at README.md";
  }
}

/// How the cited section begins on its page.
std::string mark_of(const std::string& citation) {
  const std::string number = citation.substr(citation.size() - 1);
  return citation.starts_with("reference") ? "**§" + number : "\n" + number + ". **";
}

TEST(Documents, SectionsThatCommentsCite_AreThere) {
  const std::regex cited("(reference §[0-9]|promises? [0-9])");
  std::size_t citations = 0;
  for (const auto& file : product_files()) {
    if (!file.ends_with(".h")) continue;
    const std::string text = text_of(file);
    for (const auto& citation : matches_of(text, cited)) {
      ++citations;
      const std::string page = citation.starts_with("reference") ? "TERMS.md" : "DESIGN.md";
      EXPECT_THAT(prose_of(page), testing::HasSubstr(mark_of(citation)))
          << file << " cites " << citation << ", which " << page << " does not have";
      EXPECT_THAT(text, testing::HasSubstr(page)) << file << " does not say where to look";
    }
  }
  EXPECT_GT(citations, 8u) << "the pattern no longer fits how comments cite";
}

}  // namespace
}  // namespace tagalign::tidy
