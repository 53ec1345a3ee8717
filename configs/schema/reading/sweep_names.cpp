#include "configs/schema/reading/sweep_names.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>

#include "base/format.h"
#include "base/status.h"

namespace tagalign::config {
namespace {

/// Numbers in their shortest form; integers as they are written, whatever their size.
std::string scalar_text(const Node& value) {
  std::string text = value.scalar;
  if (value.quoted) return text;
  if (text.starts_with('+')) text.erase(0, 1);
  const bool is_integer = std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
  double number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (is_integer || error != std::errc() || stop != end || !std::isfinite(number))
    return value.scalar;
  std::string shortest = format("{}", number);
  std::erase(shortest, '+');  // no letter of a name: 1e20
  return shortest;
}

/// Of a map that has a name the name, else all that it holds; cut when no name could hold it.
void add_words(const Node& value, std::string& text) {
  if (text.size() > static_cast<std::size_t>(limits::kJobNameCharsMax)) return;
  const Node* name = value.find("name");
  if (value.kind == Node::Kind::kScalar) {
    text += "-" + (value.scalar.empty() ? "empty" : scalar_text(value));
  } else if (value.kind == Node::Kind::kNull) {
    text += "-null";
  } else if (name != nullptr && name->kind == Node::Kind::kScalar) {
    add_words(*name, text);
  } else if (value.items.empty() && value.entries.empty()) {
    text += "-empty";
  }
  for (const Node& item : value.items) add_words(item, text);
  for (const Entry& entry : value.entries) {
    if (name != nullptr && name->kind == Node::Kind::kScalar) break;
    text += "-" + entry.key;
    add_words(entry.value, text);
  }
}

/// In letters of a name; a run of others becomes one "-", and none at the end.
std::string legal(const std::string& text) {
  std::string out;
  bool foreign = false;
  for (const char c : text) {
    const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    const bool fits = (lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9') ||
                      lower == '_' || lower == '.' || lower == '-';
    if (fits) {
      if (foreign && !out.ends_with('-')) out += '-';
      out += lower;
    }
    foreign = !fits;
  }
  return out;
}

/// That of `datasets.0` is "datasets-0".
std::string last_part(const std::string& path) {
  const std::size_t dot = path.rfind('.');
  const std::string last = path.substr(dot + 1);
  const bool is_index = std::ranges::all_of(last, [](char c) { return c >= '0' && c <= '9'; });
  if (dot == path.npos || !is_index) return last;
  return last_part(path.substr(0, dot)) + "-" + last;
}

}  // namespace

std::string exact_text(const Node& value) {
  switch (value.kind) {
    case Node::Kind::kNull:
      return "null";
    case Node::Kind::kScalar:
      return format("{}{}:{}", value.quoted ? "text" : "plain", scalar_text(value).size(),
                    scalar_text(value));
    case Node::Kind::kList: {
      std::string text = "[";
      for (const Node& item : value.items) text += exact_text(item) + ",";
      return text + "]";
    }
    case Node::Kind::kMap: {
      std::string text = "{";
      for (const Entry& entry : value.entries)
        text += format("{}:{}={},", entry.key.size(), entry.key, exact_text(entry.value));
      return text + "}";
    }
  }
  return "";
}

std::string label_of(const SweptValues& values) {
  std::string label;
  for (const SweptValue& swept : values) {
    std::string words = last_part(swept.path);
    add_words(swept.value, words);
    label += (label.empty() ? "" : ".") + legal(words);
  }
  return label;
}

std::string swept_name(const std::string& name, const std::string& label, std::uint64_t number,
                       std::set<std::string>& taken) {
  TA_CHECK(name.size() <= kSweptNameCharsMax, name);
  constexpr std::size_t kCharsMax = limits::kJobNameCharsMax;
  const std::string whole = name + "." + label;
  if (whole.size() <= kCharsMax && taken.insert(whole).second) return whole;
  for (;; ++number) {
    const std::string end = format("-{}", number);
    std::string cut = whole.substr(0, kCharsMax - end.size());
    while (cut.size() > name.size() + 1 && !std::isalnum(static_cast<unsigned char>(cut.back())))
      cut.pop_back();
    if (taken.insert(cut + end).second) return cut + end;
  }
}

}  // namespace tagalign::config
