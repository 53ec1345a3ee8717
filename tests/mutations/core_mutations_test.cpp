// Plants each defect of core.txt, builds the one source that it is in, links the core's tests and the
// simulator with it before the library that holds the sound one, and expects one of them to fail.
//
// TAGALIGN_MUTATION=WORDS takes only those whose name has the words. Needs Ninja to tell how to build.
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/file_system.h"
#include "base/format.h"
#include "tests/mutations/mutations.h"

namespace tagalign::mutations {
namespace {

constexpr int kSeeds = 40;

/// The quick ones first: most defects are found within a second.
struct Look {
  const char* name;
  const char* program;
  const char* filter;
  std::string settings;
  int patience_s;  ///< a defect may make a loop endless: that is found, too
};
const std::array kLooks{
    Look{"core_test", "core_test", "-*Simulation*", "", 30},
    Look{"simulation_test", "simulation_test", "*", format("TAGALIGN_SIM_SEEDS={}", kSeeds), 240},
    Look{"pools", "core_test", "*Simulation*", "", 400}};

std::string variable(const char* name) {
  const char* text = std::getenv(name);
  return text == nullptr ? "" : text;
}

const Path kSource = variable("TAGALIGN_SOURCE");
const Path kBuild = variable("TAGALIGN_BUILD");

std::string read_text(const Path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string replaced(std::string text, const std::string& before, const std::string& after) {
  const std::size_t at = text.find(before);
  if (at != std::string::npos) text.replace(at, before.size(), after);
  return text;
}

int shell(const std::string& command) {
  return std::system(format("cd '{}' && {{ {} ; }}", kBuild.string(), command).c_str());
}

class CoreMutations : public testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(kBuild / "build.ninja")) GTEST_SKIP() << "needs Ninja";
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  /// How the build compiles `source`, with another file in and out.
  std::string compile_command(const std::string& source, const Path& in, const Path& out) const {
    const auto commands = nlohmann::json::parse(read_text(kBuild / "compile_commands.json"));
    for (const auto& entry : commands) {
      if (entry["file"] != (kSource / source).string()) continue;
      std::string command = replaced(entry["command"], entry["file"], in.string());
      const std::size_t begin = command.find(" -o ") + 4;
      const std::size_t end = command.find(' ', begin);
      // No optimisation: the defect counts, not its speed, and not what a compiler thinks of it.
      return command.replace(begin, end - begin, out.string()) + " -O0 -w";
    }
    return "false";
  }

  /// The object goes first: what it defines is not looked for in the library.
  int link(const std::string& program) const {
    const Path command = folder_ / (program + ".link");
    const int told =
        shell(format("ninja -t commands tests/{} | tail -1 > {}", program, command.string()));
    const std::string out = format(" -o tests/{} ", program);
    const std::string text =
        replaced(read_text(command), out,
                 format(" {} -o {} ", object().string(), (folder_ / program).string()));
    return told != 0 ? told : shell(text.substr(0, text.find_last_not_of('\n') + 1));
  }

  /// True when `look` fails with the defect in it.
  bool finds(const Look& look) const {
    const Path log = folder_ / "look.log";
    return shell(format(
               "{} TAGALIGN_SOURCE={} timeout {} {} --gtest_brief=1 --gtest_filter='{}' > {} 2>&1",
               look.settings, kSource.string(), look.patience_s, (folder_ / look.program).string(),
               look.filter, log.string())) != 0;
  }

  /// By what it is found; empty: it survives.
  std::string hunt(const Mutation& mutation) const {
    const Path source = folder_ / "mutant.cpp";
    const auto planted = plant(mutation, read_text(kSource / mutation.file));
    if (!planted.ok()) {
      ADD_FAILURE() << planted.status().message();
      return "";
    }
    std::ofstream(source) << *planted;
    const int built = shell(compile_command(mutation.file, source, object()));
    EXPECT_EQ(built, 0) << mutation.name << ": does not compile";
    if (built != 0) return "";
    for (const char* program : {"core_test", "simulation_test"}) EXPECT_EQ(link(program), 0);
    for (const Look& look : kLooks) {
      if (finds(look)) return look.name;
    }
    return "";
  }

  Path object() const { return folder_ / "mutant.o"; }
  const Path folder_ = kBuild / "tests" / "mutants";
};

/// Without it a program that fails for another reason would find every defect.
TEST_F(CoreMutations, SourceWithoutADefect_IsFoundByNothing) {
  const std::string line = "if (++verdict.stalled_failures > policy.stalled_retries_max) {";
  EXPECT_EQ(hunt({"nothing", "coordinator/core/decide/retry.cpp", line, line}), "");
}

TEST_F(CoreMutations, EveryPlantedDefect_IsFound) {
  const auto list = parse_mutations(read_text(kSource / "tests/mutations/core.txt"));
  ASSERT_TRUE(list.ok()) << list.status().message();
  for (const Mutation& mutation : *list) {
    if (mutation.name.find(variable("TAGALIGN_MUTATION")) == std::string::npos) continue;
    const auto begin = std::chrono::steady_clock::now();
    const std::string found = hunt(mutation);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    std::cout << format("{:16} {:5.1f} s  {}", found.empty() ? "SURVIVES" : found, took.count(),
                        mutation.name)
              << std::endl;
    EXPECT_NE(found, "") << mutation.name << " in " << mutation.file << " was not found";
  }
}

}  // namespace
}  // namespace tagalign::mutations
