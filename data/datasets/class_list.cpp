#include "data/datasets/class_list.h"

#include <algorithm>
#include <cctype>
#include <set>

#include "base/format.h"
#include "base/limits.h"
#include "base/utf8.h"
#include "data/datasets/text_lines.h"

namespace tagalign::data {
namespace {

constexpr std::size_t kNameBytesShown = 60;

/// Beyond ASCII: U+00A0, U+1680, U+3000, U+FEFF, and U+2000 … U+207F, which are blanks and punctuation.
bool is_blank(std::string_view letter) {
  return letter == "\xc2\xa0" || letter == "\xe1\x9a\x80" || letter == "\xe3\x80\x80" ||
         letter == "\xef\xbb\xbf" || letter.starts_with("\xe2\x80") ||
         letter.starts_with("\xe2\x81");
}

/// Beyond ASCII what is no blank counts as a letter: names are written in every script.
bool says_something(std::string_view name) {
  while (!name.empty()) {
    const std::size_t length = std::max<std::size_t>(utf8_length(name), 1);
    const std::string_view letter = name.substr(0, length);
    const bool ascii = static_cast<unsigned char>(letter[0]) < 0x80;
    if (ascii ? std::isalnum(letter[0]) != 0 : !is_blank(letter)) return true;
    name.remove_prefix(length);
  }
  return false;
}

/// What is wrong with one class; empty: nothing.
std::string fault_of(std::string_view line) {
  if (line.empty()) return "an empty line";
  const std::string whole = printable(line, kNameBytesShown);
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (std::ranges::any_of(line, is_control))
    return format("a control character in {}", whole);
  while (true) {
    const std::size_t end = line.find(';');
    const std::string_view name = line.substr(0, end);
    if (!says_something(name))
      return format("'{}', of which a name has neither letter nor digit", whole);
    if (end == std::string_view::npos) return "";
    line.remove_prefix(end + 1);
  }
}

}  // namespace

Result<std::vector<std::string>> read_classes(FileSystem& files, const Path& path) {
  const std::string what = "read classes " + path.string();
  TA_ASSIGN_OR_RETURN(const std::string text, files.read_file(path, limits::kConfigFileBytesMax));
  TA_RETURN_IF_ERROR(check_utf8(text, what));
  std::vector<std::string_view> lines = text_lines(text);
  while (!lines.empty() && lines.back().empty()) lines.pop_back();
  if (lines.empty())
    return invalid_argument(format("{}: expected one class a line, found none", what));
  std::vector<std::string> classes(lines.begin(), lines.end());
  TA_RETURN_IF_ERROR(check_class_names(classes, what));
  return classes;
}

Status check_class_names(const std::vector<std::string>& classes, std::string_view where) {
  for (std::size_t i = 0; i < classes.size(); ++i) {
    const std::string fault = fault_of(classes[i]);
    if (fault.empty()) continue;
    return invalid_argument(
        format("{}:{}: expected a class name (synonyms behind semicolons), found {}; write one "
               "class a line, "
               "in the order of the ids",
               where, i + 1, fault));
  }
  return {};
}

std::vector<std::string> repeated_classes(const std::vector<std::string>& classes) {
  std::set<std::string> seen, repeated;
  for (const std::string& name : classes) {
    if (!seen.insert(name).second) repeated.insert(name);
  }
  return {repeated.begin(), repeated.end()};
}

}  // namespace tagalign::data
