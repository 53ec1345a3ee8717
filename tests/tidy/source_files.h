/// The files that the rules of this folder walk, named from the root of the sources.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

namespace tagalign::tidy {

inline std::filesystem::path source_folder() {
  const char* folder = std::getenv("TAGALIGN_SOURCE");
  return folder == nullptr ? std::filesystem::current_path() : std::filesystem::path(folder);
}

inline std::vector<std::string> source_files(const std::vector<std::string>& folders) {
  static const std::set<std::string> kEndings = {".h", ".cpp", ".cu"};
  namespace fs = std::filesystem;
  std::vector<std::string> files;
  for (const auto& folder : folders) {
    for (const auto& entry : fs::recursive_directory_iterator(source_folder() / folder)) {
      if (entry.is_regular_file() && kEndings.contains(entry.path().extension().string()))
        files.push_back(fs::relative(entry.path(), source_folder()).string());
    }
  }
  return files;
}

inline std::vector<std::string> product_files() {
  return source_files(
      {"base", "coordinator", "worker", "model", "data", "checkpoint", "slurm", "configs"});
}

inline std::string text_of(const std::string& file) {
  std::ifstream stream(source_folder() / file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

}  // namespace tagalign::tidy
