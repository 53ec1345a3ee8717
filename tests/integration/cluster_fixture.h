/// Coordinators with one agent each, in folders of a test, spoken to by the command line alone.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/format.h"
#include "base/process.h"
#include "tests/support/remove_folder.h"

namespace tagalign {

using nlohmann::json;

class ClusterFixture : public testing::Test {
 protected:
  ClusterFixture() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "tagalign-cluster-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~ClusterFixture() override {
    for (const auto& state : states_) (void)command(state, {"coordinator", "stop", "--kill"});
    if (!HasFailure()) testing_support::remove_folder(folder_);
  }

  Result<CommandOutput> command(const std::string& state, std::vector<std::string> words) {
    const char* programs = std::getenv("TAGALIGN_BIN");
    std::vector<std::string> line = {
        (Path(programs == nullptr ? "." : programs) / "tagalign").string(), "--state",
        (folder_ / state).string()};
    line.insert(line.end(), words.begin(), words.end());
    return run_command(line, 60'000);
  }

  CommandOutput must(const std::string& state, std::vector<std::string> words) {
    auto result = command(state, std::move(words));
    TA_CHECK(result.ok(), result.ok() ? "" : result.status().message());
    EXPECT_TRUE(result->exit.ok()) << result->exit.to_string() << "\n" << result->output;
    return *result;
  }

  void start(const std::string& state, int slots = 2) {
    if (std::find(states_.begin(), states_.end(), state) == states_.end()) states_.push_back(state);
    must(state, {"coordinator", "start", "--slots", std::to_string(slots)});
  }

  json ask(const std::string& state, std::vector<std::string> words) {
    words.insert(words.begin(), {"--output", "json"});
    const auto answer = must(state, std::move(words));
    auto value = json::parse(answer.output, nullptr, false);
    TA_CHECK(!value.is_discarded(), answer.output);
    return value;
  }

  /// Polls until `reached` holds; a generous bound, because the machine may be busy.
  void wait_until(const std::string& what, const std::function<bool()>& reached) {
    for (int i = 0; i < 2400; ++i) {
      if (reached()) return;
      system_clock().sleep_ms(50);
    }
    FAIL() << "never happened: " << what;
  }

  bool all_ended(const std::string& state) {
    for (const auto& job : ask(state, {"jobs", "--all"})) {
      const auto name = job.at("state").get<std::string>();
      if (name != "succeeded" && name != "failed" && name != "cancelled") return false;
    }
    return true;
  }

  /// The integers of all results, by method, step and data set.
  json integers(const std::string& state) {
    json all = json::object();
    for (const auto& result : ask(state, {"results"})) {
      const auto key =
          format("{} {} {}", result.at("method").get<std::string>(), result.at("step").get<int>(),
                 result.at("dataset").get<std::string>());
      all[key] = {result.at("intersect"), result.at("union"), result.at("predicted"),
                  result.at("labelled")};
    }
    return all;
  }

  FileSystem& files_ = posix_file_system();
  Path folder_;
  std::vector<std::string> states_;
};

}  // namespace tagalign
