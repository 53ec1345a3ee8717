/// Small pictures of every kind, damaged ones among them: data/pictures.txt, whose head tells
/// what its columns are.
#pragma once

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "base/file_system.h"

namespace tagalign::data {

struct Picture {
  std::string name;
  std::string training;
  std::string evaluation;
  std::string bytes;
};

inline std::string from_hex(const std::string& digits) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
    bytes += static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16));
  return bytes;
}

inline std::vector<Picture> stored_pictures() {
  std::ifstream file(Path(std::getenv("TAGALIGN_SOURCE")) / "tests/unit/data/data/pictures.txt");
  std::vector<Picture> pictures;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) continue;
    Picture picture;
    std::istringstream(line) >> picture.name >> picture.training >> picture.evaluation >>
        picture.bytes;
    picture.bytes = from_hex(picture.bytes);
    pictures.push_back(std::move(picture));
  }
  return pictures;
}

}  // namespace tagalign::data
