#include "tests/tidy/source_scan.h"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <set>
#include <sstream>
#include <utility>

namespace tagalign::tidy {
namespace {

bool word_character(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

/// Walks a text once and blanks what is no code.
class Blanker {
 public:
  explicit Blanker(std::string_view text) : text_(text), code_(text) {}

  std::string run() {
    while (at_ < text_.size()) {
      const std::size_t end = end_of_skipped();
      for (std::size_t i = at_; i < end; ++i) {
        if (code_[i] != '\n') code_[i] = ' ';
      }
      line_start_ = end == at_ ? (text_[at_] == '\n' || (line_start_ && text_[at_] == ' ')) : false;
      at_ = std::max(end, at_ + 1);
    }
    return code_;
  }

 private:
  bool here(std::string_view word) const { return text_.substr(at_).starts_with(word); }
  std::size_t after(std::string_view word, std::size_t from) const {
    const auto found = text_.find(word, from);
    return found == std::string_view::npos ? text_.size() : found + word.size();
  }

  /// Behind the comment, literal or directive that begins here; here when there is none.
  std::size_t end_of_skipped() const {
    const char before = at_ == 0 ? '\n' : text_[at_ - 1];
    if (here("//")) return std::min(text_.find('\n', at_), text_.size());
    if (here("/*")) return after("*/", at_ + 2);
    if (here("#") && line_start_) return end_of_directive();
    if (here("R\"") && !word_character(before)) return end_of_raw_string();
    if (here("\"")) return end_of_literal('"');
    const bool separates_digits = std::isxdigit(static_cast<unsigned char>(before)) != 0;
    if (here("'") && !separates_digits) return end_of_literal('\'');
    return at_;
  }
  std::size_t end_of_directive() const {
    std::size_t end = text_.find('\n', at_);
    while (end != std::string_view::npos && text_[end - 1] == '\\') end = text_.find('\n', end + 1);
    return std::min(end, text_.size());
  }
  std::size_t end_of_raw_string() const {
    const auto open = text_.find('(', at_);
    return after(")" + std::string(text_.substr(at_ + 2, open - at_ - 2)) + "\"", open);
  }
  std::size_t end_of_literal(char quote) const {
    std::size_t i = at_ + 1;
    while (i < text_.size() && text_[i] != quote) i += text_[i] == '\\' ? 2 : 1;
    return std::min(i + 1, text_.size());
  }

  std::string_view text_;
  std::string code_;
  std::size_t at_ = 0;
  bool line_start_ = true;
};

/// Does this text before an opening brace begin a scope that may hold functions? Not when it ends
/// in a list of parameters, with words like const behind them.
bool opens_scope(const std::string& intro) {
  const auto last = std::find_if(intro.rbegin(), intro.rend(), [](char c) {
    return !word_character(c) && std::isspace(static_cast<unsigned char>(c)) == 0;
  });
  if (last != intro.rend() && *last == ')') return false;
  static const std::set<std::string> kScopes = {"namespace", "class", "struct",
                                                "enum",      "union", "extern"};
  std::string word;
  for (const char c : intro + " ") {
    if (word_character(c)) {
      word += c;
    } else if (kScopes.contains(std::exchange(word, {}))) {
      return true;
    }
  }
  return false;
}

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream stream(text);
  return {std::istream_iterator<std::string>(stream), {}};
}

/// Without its slashes, and the < of a trailing one.
std::string comment_of(const std::string& line) {
  auto at = std::min(line.find_first_not_of(' '), line.size());
  while (at < line.size() && line[at] == '/') ++at;
  if (at < line.size() && line[at] == '<') ++at;
  return line.substr(at);
}

bool is_comment(const std::string& line) {
  const auto first = line.find_first_not_of(' ');
  return first != std::string::npos && line.compare(first, 2, "//") == 0;
}

}  // namespace

std::string without_comments_and_literals(std::string_view text) {
  return Blanker(text).run();
}

std::vector<Stretch> functions_of(std::string_view text) {
  struct Brace {
    bool scope = false;
    bool function = false;
    std::size_t start = 0;
  };
  const std::string code = without_comments_and_literals(text);
  const auto lines_between = [&](std::size_t from, std::size_t to) {
    const auto begin = code.begin();
    return std::count(begin + static_cast<std::ptrdiff_t>(from),
                      begin + static_cast<std::ptrdiff_t>(to), '\n');
  };
  std::vector<Brace> open;
  std::vector<Stretch> found;
  std::size_t start = 0;
  for (std::size_t i = 0; i < code.size(); ++i) {
    if (code[i] == '{') {
      const std::string intro = code.substr(start, i - start);
      const bool inside = std::any_of(open.begin(), open.end(), [](auto& b) { return !b.scope; });
      const bool scope = !inside && opens_scope(intro);
      const auto first = std::min(intro.find_first_not_of(" \n"), intro.size());
      open.push_back(
          {scope, !inside && !scope && intro.find('(') != std::string::npos, start + first});
    } else if (code[i] == '}' && !open.empty()) {
      const Brace brace = open.back();
      open.pop_back();
      if (brace.function)
        found.push_back({lines_between(0, brace.start) + 1, lines_between(brace.start, i) + 1});
    }
    if (code[i] == '{' || code[i] == '}' || code[i] == ';') start = i + 1;
  }
  return found;
}

std::vector<long> orphan_lines(std::string_view text) {
  constexpr std::size_t kOrphanWordsMax = 3;
  constexpr std::size_t kFilledColumns = 80;
  std::vector<long> orphans;
  std::istringstream stream{std::string(text)};
  std::string before;
  std::string line;
  long number = 0;
  const auto end_paragraph = [&](const std::string& above, const std::string& last) {
    const auto words = words_of(comment_of(last)).size();
    const std::string text_only = comment_of(last);
    const auto first = std::min(text_only.find_first_not_of(' '), text_only.size());
    const bool row = text_only.find("  ", first) != std::string::npos;  // of a table
    const bool filled = is_comment(above) && above.size() >= kFilledColumns && !row;
    if (filled && words > 0 && words <= kOrphanWordsMax) orphans.push_back(number);
  };
  for (std::string next; std::getline(stream, next); ++number) {
    const bool ends = is_comment(line) && (!is_comment(next) || words_of(comment_of(next)).empty());
    if (ends) end_paragraph(before, line);
    before = std::exchange(line, next);
  }
  if (is_comment(line)) end_paragraph(before, line);
  return orphans;
}

}  // namespace tagalign::tidy
