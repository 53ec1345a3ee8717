// The direction of includes is a promise of the design: this walks every source file, and refuses
// what the table of rooms does not name.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "tests/tidy/source_files.h"

namespace tagalign::tidy {
namespace {

/// A room of the house, a folder or a file by its prefix, and the rooms that it includes.
struct Room {
  std::string prefix;
  std::set<std::string> includes;
};

/// tests/tidy/rooms.txt, whose head says how it is read.
const std::vector<Room>& rooms() {
  static const std::vector<Room> all = [] {
    std::vector<Room> read;
    std::ifstream stream(source_folder() / "tests/tidy/rooms.txt");
    for (std::string line; std::getline(stream, line);) {
      if (line.empty() || line.starts_with('#')) continue;
      const auto colon = line.find(':');
      std::istringstream words(colon == std::string::npos ? "" : line.substr(colon + 1));
      read.push_back({line.substr(0, colon), {std::istream_iterator<std::string>(words), {}}});
    }
    return read;
  }();
  return all;
}

/// Outside headers and the only files (by path prefix) that may include them.
const std::vector<std::pair<std::regex, std::vector<std::string>>>& outside() {
  static const std::vector<std::pair<std::regex, std::vector<std::string>>> all = {
      {std::regex("^(zmq|zmq_addon)\\.h(pp)?$"), {"coordinator/wire/zmq/"}},
      {std::regex("^(ATen|torch|c10)/"),
       {"model/", "worker/rank/", "worker/weights/", "worker/gradients/", "worker/labels/",
        "worker/features/", "worker/train/", "worker/evaluate/", "worker/command/",
        "checkpoint/tensor_adapter"}},
      {std::regex("^cereal/"), {"coordinator/wire/", "coordinator/store/"}},
      {std::regex("^yaml-cpp/"), {"configs/schema/"}},
      {std::regex("^sqlite3\\.h$"), {"coordinator/store/"}},
      {std::regex("^mpi\\.h$"), {"worker/collectives/"}},
      {std::regex("^nccl\\.h$"), {"worker/collectives/"}},
      {std::regex("^cuda"), {"worker/collectives/", "model/inference/kernels/"}},
      {std::regex("^CLI/"), {"coordinator/cli/", "worker/command/"}},
      {std::regex("^spdlog/"), {"base/log.cpp"}},
      {std::regex("^(xxhash|xxh_x86dispatch)\\.h$"), {"base/checksum.cpp"}},
      {std::regex("^zip\\.h$"), {"model/files/"}},
      {std::regex("^archive(_entry)?\\.h$"),
       {"data/sources/archives/tar_walk.cpp", "data/pack/tar_writer.cpp"}},
      {std::regex("^nettle/"), {"data/sources/files/sha1.cpp"}},
      {std::regex("^(png|jpeglib|turbojpeg|gif_lib|webp/.*)\\.h$"), {"data/"}},
  };
  return all;
}

/// The longest prefix that fits; a name of a folder does not fit half of another's.
const Room* room_of(const std::string& file) {
  const Room* best = nullptr;
  for (const auto& room : rooms()) {
    const bool inside = file == room.prefix || file.starts_with(room.prefix + "/");
    if (inside && (best == nullptr || room.prefix.size() > best->prefix.size())) best = &room;
  }
  return best;
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

TEST(IncludeRules, EveryProjectInclude_IsInTheTableOfRooms) {
  const auto files = product_files();
  ASSERT_GT(files.size(), 50u);
  std::map<std::string, std::set<std::string>> found;
  for (const auto& file : files) {
    const Room* from = room_of(file);
    ASSERT_NE(from, nullptr) << file << " lies in no room of tests/tidy/rooms.txt";
    for (const auto& include : includes_of(file)) {
      EXPECT_FALSE(include.starts_with("tests/")) << file << " includes " << include;
      const Room* to = room_of(include);
      if (to == nullptr || to == from) continue;
      found[from->prefix].insert(to->prefix);
      EXPECT_TRUE(from->includes.contains(to->prefix))
          << file << " includes " << include << ", but " << from->prefix << " may not see "
          << to->prefix;
    }
  }
  for (const auto& room : rooms()) {
    for (const auto& other : room.includes) {
      EXPECT_TRUE(found[room.prefix].contains(other))
          << "rooms.txt lets " << room.prefix << " see " << other << ", which it does not";
    }
  }
}

/// True when `room` can be reached from one that it sees.
bool in_a_ring(const Room& room) {
  std::set<std::string> seen;
  std::vector<std::string> pending(room.includes.begin(), room.includes.end());
  while (!pending.empty()) {
    const std::string next = pending.back();
    pending.pop_back();
    if (next == room.prefix) return true;
    if (!seen.insert(next).second) continue;
    for (const auto& other : rooms()) {
      if (other.prefix == next)
        pending.insert(pending.end(), other.includes.begin(), other.includes.end());
    }
  }
  return false;
}

TEST(IncludeRules, Rooms_StandInNoRing) {
  ASSERT_GT(rooms().size(), 10u);
  for (const auto& room : rooms()) EXPECT_FALSE(in_a_ring(room)) << room.prefix;
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

/// dump() of JSON throws for text that is no UTF-8; these two refuse such text, and say so.
TEST(SourceText, Json_IsWrittenByJsonTextAlone) {
  const std::set<std::string> exempt = {"base/json_text.h", "checkpoint/format/manifest.cpp",
                                        "checkpoint/format/safetensors_header.cpp"};
  const std::regex dump("(\\.|->)dump\\(");
  std::size_t exempt_seen = 0;
  for (const auto& file : product_files()) {
    const bool dumps = std::regex_search(text_of(file), dump);
    if (exempt.contains(file))
      exempt_seen += dumps ? 1 : 0;
    else
      EXPECT_FALSE(dumps) << file << ": json_text() of base/json_text.h never throws";
  }
  EXPECT_EQ(exempt_seen, exempt.size());
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
}  // namespace tagalign::tidy
