#include "tests/golden/check/heads/sources.h"

#include <sstream>

namespace tagalign::golden::heads {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

std::optional<std::vector<std::string>> class_lines(Folder& folder, const std::string& list) {
  const auto text = folder.bytes("classes/" + list + ".txt");
  if (!text) return std::nullopt;
  return lines_of(*text);
}

}  // namespace tagalign::golden::heads
