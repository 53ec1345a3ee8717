#include "configs/schema/document/digest.h"

#include <algorithm>
#include <iterator>

#include "base/checksum.h"

namespace tagalign::config {
namespace {

/// In double quotes; a line stays a line.
std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

}  // namespace

std::string DigestVisitor::text_of(const Node& node) {
  if (node.kind != Node::Kind::kList) return node.quoted ? in_quotes(node.scalar) : node.scalar;
  std::string out = "[";
  for (const Node& item : node.items) out += (out.size() > 1 ? "," : "") + text_of(item);
  return out + "]";
}

void DigestVisitor::add(std::string_view name, std::string value) {
  lines_.emplace(std::string(name), std::move(value));
}

void DigestVisitor::add_all(std::string_view prefix, const DigestLines& lines) {
  for (const auto& [key, value] : lines) lines_.emplace(format("{}.{}", prefix, key), value);
}

DigestLines lines_that_differ(const DigestLines& all, const DigestLines& defaults) {
  DigestLines out;
  std::ranges::set_difference(all, defaults, std::inserter(out, out.end()));
  return out;
}

std::string digest_text(const DigestLines& lines) {
  std::string text = format("tagalign configuration, digest format {}\n", kDigestFormat);
  for (const auto& [key, value] : lines) text += format("{}={}\n", key, value);
  return text;
}

std::string digest_of(const DigestLines& lines) {
  return format("{}:{}", kDigestFormat, digest128(as_bytes(digest_text(lines))).hex());
}

}  // namespace tagalign::config
