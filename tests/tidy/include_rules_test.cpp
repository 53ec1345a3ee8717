// The direction of includes is a promise of the design: this walks every source file and refuses
// the rest.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

/// A part of the system: a folder prefix, the parts that it may include, and the outside headers
/// that only it may see.
struct Part {
  std::string folder;
  std::set<std::string> may_include;
};

/// Longest prefix wins, so "coordinator/protocol/zmq" is not "coordinator/protocol".
const std::vector<Part>& parts() {
  static const std::vector<Part> all = {
      {"base", {}},
      {"coordinator/protocol/zmq", {"base", "coordinator/protocol"}},
      {"coordinator/protocol", {"base"}},
      {"coordinator/core", {"base", "coordinator/protocol"}},
      {"coordinator/store", {"base", "coordinator/core", "coordinator/protocol"}},
      {"coordinator/service",
       {"base", "coordinator/core", "coordinator/store", "coordinator/protocol", "slurm",
        "configs/schema", "checkpoint"}},
      {"coordinator/cli", {"base", "coordinator/protocol", "configs/schema"}},
      {"worker/agent", {"base", "coordinator/protocol"}},
      {"worker/collectives", {"base"}},
      {"worker/jobs",
       {"base", "model", "data", "checkpoint", "worker/collectives", "configs/schema",
        "coordinator/protocol"}},
      {"model", {"base"}},
      {"data", {"base"}},
      {"checkpoint", {"base"}},
      {"slurm", {"base"}},
      {"configs/schema", {"base"}},
  };
  return all;
}

/// The two main files only wire, and may include what they wire.
const std::map<std::string, std::set<std::string>>& wiring() {
  static const std::map<std::string, std::set<std::string>> all = {
      {"coordinator/cli/main.cpp", {"coordinator/service", "worker/agent"}},
      {"worker/jobs/main.cpp", {}},
  };
  return all;
}

/// Outside headers and the only files (by path prefix) that may include them.
const std::vector<std::pair<std::regex, std::vector<std::string>>>& outside() {
  static const std::vector<std::pair<std::regex, std::vector<std::string>>> all = {
      {std::regex("^(zmq|zmq_addon)\\.h(pp)?$"), {"coordinator/protocol/zmq/"}},
      {std::regex("^(ATen|torch|c10)/"), {"model/", "worker/jobs/", "checkpoint/tensor_adapter"}},
      {std::regex("^cereal/"), {"coordinator/protocol/", "coordinator/store/"}},
      {std::regex("^yaml-cpp/"), {"configs/schema/"}},
      {std::regex("^sqlite3\\.h$"), {"coordinator/store/"}},
      {std::regex("^mpi\\.h$"), {"worker/collectives/"}},
      {std::regex("^nccl\\.h$"), {"worker/collectives/"}},
      {std::regex("^cuda"), {"worker/collectives/", "model/kernels/"}},
      {std::regex("^CLI/"),
       {"coordinator/cli/", "worker/jobs/data_command", "worker/jobs/main.cpp",
        "worker/jobs/weights_commands"}},
      {std::regex("^spdlog/"), {"base/log.cpp"}},
      {std::regex("^xxhash\\.h$"), {"base/checksum.cpp"}},
      {std::regex("^zip\\.h$"), {"model/weights/"}},
      {std::regex("^(png|turbojpeg)\\.h$"), {"data/"}},
  };
  return all;
}

fs::path source_folder() {
  const char* folder = std::getenv("TAGALIGN_SOURCE");
  return folder == nullptr ? fs::current_path() : fs::path(folder);
}

const Part* part_of(const std::string& file) {
  const Part* best = nullptr;
  for (const auto& part : parts()) {
    if (file.starts_with(part.folder + "/") &&
        (best == nullptr || part.folder.size() > best->folder.size()))
      best = &part;
  }
  return best;
}

bool is_source(const fs::path& path) {
  static const std::set<std::string> kEndings = {".h", ".cpp", ".cu"};
  return kEndings.contains(path.extension().string());
}

std::vector<std::string> source_files(const std::vector<std::string>& folders) {
  std::vector<std::string> files;
  for (const auto& folder : folders) {
    for (const auto& entry : fs::recursive_directory_iterator(source_folder() / folder)) {
      if (entry.is_regular_file() && is_source(entry.path())) {
        files.push_back(fs::relative(entry.path(), source_folder()).string());
      }
    }
  }
  return files;
}

std::vector<std::string> product_files() {
  return source_files(
      {"base", "coordinator", "worker", "model", "data", "checkpoint", "slurm", "configs"});
}

std::vector<std::string> includes_of(const std::string& file) {
  static const std::regex kInclude("^\\s*#\\s*include\\s*[<\"]([^>\"]+)[>\"].*");
  std::vector<std::string> result;
  std::ifstream stream(source_folder() / file);
  std::smatch match;
  for (std::string line; std::getline(stream, line);) {
    if (std::regex_match(line, match, kInclude)) result.push_back(match[1]);
  }
  return result;
}

bool allowed(const std::string& file, const Part& from, const Part& to) {
  if (from.folder == to.folder || from.may_include.contains(to.folder)) return true;
  const auto wires = wiring().find(file);
  return wires != wiring().end() && wires->second.contains(to.folder);
}

TEST(IncludeRules, EveryProjectInclude_FollowsTheDesign) {
  const auto files = product_files();
  ASSERT_GT(files.size(), 50u);
  for (const auto& file : files) {
    const Part* from = part_of(file);
    ASSERT_NE(from, nullptr) << file << " lies in no part of the design";
    for (const auto& include : includes_of(file)) {
      EXPECT_FALSE(include.starts_with("tests/")) << file << " includes " << include;
      const Part* to = part_of(include);
      if (to != nullptr) {
        EXPECT_TRUE(allowed(file, *from, *to)) << file << " includes " << include << ", but "
                                               << from->folder << " may not see " << to->folder;
      }
    }
  }
}

TEST(IncludeRules, EveryOutsideLibrary_IsSeenOnlyByItsWrapper) {
  for (const auto& file : product_files()) {
    for (const auto& include : includes_of(file)) {
      for (const auto& [pattern, owners] : outside()) {
        if (!std::regex_search(include, pattern)) continue;
        const bool owned = std::any_of(owners.begin(), owners.end(),
                                       [&](const auto& owner) { return file.starts_with(owner); });
        EXPECT_TRUE(owned) << file << " includes " << include << ", which only "
                           << testing::PrintToString(owners) << " may";
      }
    }
  }
}

std::string text_of(const std::string& file) {
  std::ifstream stream(source_folder() / file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

TEST(SourceText, Products_HoldNoPromiseOfLaterWork) {
  // Spelled in two pieces, so that this file does not hold them either.
  const std::regex promise(
      std::string("\\b(TO") + "DO|FIX" + "ME|XX" + "X|HA" + "CK|for n" + "ow|place" + "holder)\\b",
      std::regex::icase);
  for (const auto& file : product_files()) {
    std::smatch match;
    const std::string text = text_of(file);
    EXPECT_FALSE(std::regex_search(text, match, promise)) << file << ": '" << match.str() << "'";
  }
}

TEST(SourceText, Files_StayShort) {
  constexpr long kLinesMax = 600;
  for (const auto& file : product_files()) {
    const std::string text = text_of(file);
    EXPECT_LE(std::count(text.begin(), text.end(), '\n'), kLinesMax) << file;
  }
}

TEST(SourceText, PublicHeaders_SayWhatTheyAreFor) {
  for (const auto& file : product_files()) {
    if (!file.ends_with(".h")) continue;
    EXPECT_TRUE(text_of(file).starts_with("///")) << file << " does not begin with its purpose";
  }
}

TEST(TestNames, EveryTest_IsSubjectConditionOutcome) {
  const std::regex test("\\bTEST(_F|_P)?\\(\\s*([A-Za-z0-9]+),\\s*([A-Za-z0-9_]+)\\)");
  for (const auto& file : source_files({"tests"})) {
    const std::string text = text_of(file);
    for (std::sregex_iterator it(text.begin(), text.end(), test), end; it != end; ++it) {
      EXPECT_NE((*it)[3].str().find('_'), std::string::npos)
          << file << ": " << (*it)[2] << "." << (*it)[3];
    }
  }
}

}  // namespace
