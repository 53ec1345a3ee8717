#include "tests/mutations/mutations.h"

#include <sstream>

#include "base/format.h"

namespace tagalign::mutations {
namespace {

void add_line(std::string& text, const std::string& line) {
  if (!text.empty()) text += '\n';
  text += line.size() > 2 ? line.substr(2) : "";
}

}  // namespace

Result<std::vector<Mutation>> parse_mutations(std::string_view text) {
  std::vector<Mutation> mutations;
  std::istringstream lines{std::string(text)};
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (line.empty() || line.front() == '#') continue;
    if (line.front() == '=') {
      mutations.push_back({.name = line.substr(2), .file = {}, .before = {}, .after = {}});
      continue;
    }
    if (mutations.empty() || std::string_view("@-+").find(line.front()) == std::string_view::npos)
      return invalid_argument(
          format("line {}: expected =, @, - or + at its beginning, found '{}'", number, line));
    Mutation& newest = mutations.back();
    if (line.front() == '@') newest.file = line.substr(2);
    if (line.front() == '-') add_line(newest.before, line);
    if (line.front() == '+') add_line(newest.after, line);
  }
  for (const Mutation& mutation : mutations) {
    if (mutation.file.empty() || mutation.before.empty())
      return invalid_argument(
          format("'{}': expected a file and the text that is replaced", mutation.name));
  }
  return mutations;
}

Result<std::string> plant(const Mutation& mutation, const std::string& source) {
  const std::size_t at = source.find(mutation.before);
  const bool once =
      at != std::string::npos && source.find(mutation.before, at + 1) == std::string::npos;
  if (!once)
    return invalid_argument(
        format("'{}': expected the text to stand exactly once in {}, found it {}; the code has "
               "changed: let the list follow",
               mutation.name, mutation.file, at == std::string::npos ? "nowhere" : "more often"));
  std::string planted = source;
  planted.replace(at, mutation.before.size(), mutation.after);
  return planted;
}

}  // namespace tagalign::mutations
