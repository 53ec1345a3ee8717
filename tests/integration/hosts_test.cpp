// Hosts that differ: the coordinator on h1, agents on h2 and h3, and links that break.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <cstdlib>
#include <fstream>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>

#include "base/clock.h"
#include "base/format.h"
#include "tests/integration/small_jobs.h"
#include "tests/lab/host_network.h"
#include "tests/unit/agent/temporary_folder.h"

namespace tagalign::lab {
namespace {

using nlohmann::json;

class HostsTest : public ::testing::Test {
 protected:
  void SetUp() override { prepare(3, 2); }
  /// The coordinator's host and those of agents; ranks of the training. Skipped, with what is
  /// missing, where no hosts can be made.
  void prepare(int hosts, int ranks) {
    const Status available = HostNetwork::available();
    if (!available.ok()) GTEST_SKIP() << available.message();
    auto started = HostNetwork::start(folder_.path(), hosts);
    ASSERT_TRUE(started.ok()) << started.status().message();
    network_ = std::move(started).value();
    ranks_ = ranks;
    std::ofstream(folder_.path() / "small.yml") << small_workflow(ranks);
  }

  std::string path(const std::string& name) const { return (folder_.path() / name).string(); }

  /// `tagalign` with the common state folder on a host.
  std::vector<std::string> line(std::vector<std::string> words) const {
    words.insert(words.begin(), {std::string(std::getenv("TAGALIGN_BIN")) + "/tagalign", "--state",
                                 path("state")});
    return words;
  }
  std::string on_first(const std::vector<std::string>& words) {
    const auto said = network_->host(1).run(line(words), 60'000);
    EXPECT_TRUE(said.ok() && said->exit.ok())
        << (said.ok() ? said->output : said.status().message());
    return said.ok() ? said->output : "";
  }
  json ask(std::vector<std::string> words) {
    words.insert(words.begin(), {"--output", "json"});
    return json::parse(on_first(words), nullptr, false);
  }

  /// With one slot an agent the training's two ranks need both hosts.
  void start_cluster(int slots = 2) {
    on_first({"coordinator", "start", "--pool", "none", "--listen", "tcp://0.0.0.0:*"});
    for (int host = 2; host <= network_->size(); ++host) start_agent(host, slots);
    on_first({"submit", path("small.yml"), "--workspace", path("work")});
  }
  void start_agent(int host, int slots) {
    const Path log = folder_.path() / format("agent-{}.txt", host);
    const auto agent = network_->host(host).start_process(
        {.command = line({"agent", "--slots", std::to_string(slots)}),
         // Two hosts of one kernel: shared memory must not be taken for a way between them.
         .environment = {{"OMPI_MCA_btl", "self,tcp"}},
         .stdout_file = log,
         .stderr_file = log});
    ASSERT_TRUE(agent.ok()) << agent.status().message();
  }

  void wait_for(const std::function<bool()>& reached, const std::string& what) {
    constexpr std::int64_t kPatienceMs = 180'000;
    const MonotonicMs begin_ms = system_clock().monotonic_ms();
    while (!reached()) {
      ASSERT_LT(system_clock().monotonic_ms() - begin_ms, kPatienceMs)
          << "never: " << what << "\n"
          << on_first({"jobs", "--all"});
      system_clock().sleep_ms(100);
    }
  }
  void wait_for_a_checkpoint() {
    wait_for([&] { return std::filesystem::exists(path("work/run/step-00000150")); },
             "a checkpoint");
  }
  void wait_for_the_end() {
    wait_for(
        [&] {
          return ask({"job", "show", "scores"}).value("state", "") == "succeeded";
        },
        "the workflow has ended");
  }

  /// Where ranks of the training run: 2 or 3; 0: nowhere.
  int host_of_training() {
    for (const int host : {2, 3}) {
      for (const pid_t process : network_->host(host).processes()) {
        const std::string command = text_of(format("/proc/{}/cmdline", process));
        if (command.find("tagalign-worker") != std::string::npos) return host;
      }
    }
    return 0;
  }

  /// A rank of the training on that host; 0: none runs there.
  pid_t rank_on(int host) {
    for (const pid_t process : network_->host(host).processes()) {
      const std::string command = text_of(format("/proc/{}/cmdline", process));
      const bool rank = command.find("tagalign-worker") < command.find('\0') &&
                        command.find("train") != std::string::npos;
      if (rank) return process;
    }
    return 0;
  }
  /// SIGKILL to a rank of the training on that host; false when none runs there.
  bool kill_a_rank(int host) {
    const pid_t rank = rank_on(host);
    return rank != 0 && ::kill(rank, SIGKILL) == 0;
  }

  /// Folders of saves in progress, and what is left of those that were cut short.
  std::set<Path> unfinished_saves() const {
    std::set<Path> found;
    std::error_code gone;
    for (const auto& entry : std::filesystem::directory_iterator(path("work/run"), gone)) {
      const std::string name = entry.path().filename().string();
      if (name.starts_with(".step-")) found.insert(entry.path());
    }
    return found;
  }
  /// Returns as soon as a save has begun that was not there before: it takes some milliseconds.
  void wait_for_a_save() {
    const std::set<Path> before = unfinished_saves();
    const MonotonicMs begin_ms = system_clock().monotonic_ms();
    while (true) {
      for (const Path& save : unfinished_saves()) {
        if (!before.contains(save)) return;
      }
      ASSERT_LT(system_clock().monotonic_ms() - begin_ms, 60'000) << "never: a save";
    }
  }

  int attempt_of_training() { return ask({"job", "show", "train"}).value("attempt", 0); }

  static std::string text_of(const Path& file) {
    std::ifstream stream(file);
    return {(std::istreambuf_iterator<char>(stream)), {}};
  }
  /// The manifest names the digests of all shards.
  void expect_the_bits_of_a_calm_run() {
    const std::string worker = std::string(std::getenv("TAGALIGN_BIN")) + "/tagalign-worker";
    std::ofstream(path("work/train.yml")) << kData << kTrain;
    const auto calm =
        run_command({"env", "--chdir", path("work"), "mpirun", "-n", std::to_string(ranks_),
                     "--oversubscribe", "--bind-to", "none", worker, "train", "--config",
                     "train.yml", "--set", "checkpoint.directory=calm"},
                    120'000);
    ASSERT_TRUE(calm.ok() && calm->exit.ok()) << calm->output;
    const Path manifest = Path(kLastStep) / "manifest.json";
    EXPECT_TRUE(text_of(path("work/run") / manifest) == text_of(path("work/calm") / manifest));
  }

  tagalign::testing::TemporaryFolder folder_;
  std::unique_ptr<HostNetwork> network_;
  int ranks_ = 0;
};

TEST_F(HostsTest, LostHost_LeavesItsTrainingToAnother) {
  start_cluster();
  wait_for_a_checkpoint();
  const int lost = host_of_training();
  ASSERT_NE(lost, 0);
  network_->kill_host(lost);
  wait_for([&] { return host_of_training() != 0; }, "the training runs on the other host");
  wait_for_the_end();
  expect_the_bits_of_a_calm_run();
}

TEST_F(HostsTest, HostThatIsCutOffForAWhile_CostsNoBit) {
  start_cluster();
  wait_for_a_checkpoint();
  const int host = host_of_training();
  ASSERT_NE(host, 0);
  ASSERT_TRUE(network_->cut(host).ok());
  system_clock().sleep_ms(3'000);
  ASSERT_TRUE(network_->heal(host).ok());
  wait_for_the_end();
  expect_the_bits_of_a_calm_run();
}

TEST_F(HostsTest, HostThatStaysCutOff_LeavesItsTrainingToAnother) {
  start_cluster();
  wait_for_a_checkpoint();
  const int host = host_of_training();
  ASSERT_NE(host, 0);
  ASSERT_TRUE(network_->cut(host).ok());
  wait_for_the_end();
  expect_the_bits_of_a_calm_run();
}

TEST_F(HostsTest, TrainingOverTwoHosts_HasTheBitsOfOneHost) {
  start_cluster(1);
  wait_for_the_end();
  const json shown = ask({"job", "show", "train"});
  EXPECT_EQ(shown.value("nodes", json::array()).size(), 2u) << shown.dump();
  expect_the_bits_of_a_calm_run();
}

TEST_F(HostsTest, TrainingOverTwoHosts_KilledAgainAndAgain_CostsNoBit) {
  start_cluster(1);
  int kills = 0;
  for (const char* step : {"step-00000150", "step-00000300"}) {
    wait_for([&] { return std::filesystem::exists(path("work/run") + "/" + step); }, step);
    for (const int host : {3, 2}) {
      const int before = attempt_of_training();
      wait_for([&] { return kill_a_rank(host); }, "a rank runs there");
      wait_for([&] { return attempt_of_training() > before; }, "the next attempt");
      ++kills;
    }
  }
  wait_for_the_end();
  EXPECT_GT(attempt_of_training(), kills);
  expect_the_bits_of_a_calm_run();
}

TEST_F(HostsTest, TrainingOverTwoHosts_KilledInTheMiddleOfItsSaves_CostsNoBit) {
  start_cluster(1);
  int cut_short = 0;
  for (const int host : {3, 2, 3, 2}) {
    const int before = attempt_of_training();
    pid_t rank = 0;
    wait_for([&] { return (rank = rank_on(host)) != 0; }, "a rank runs there");
    const auto known = unfinished_saves();
    wait_for_a_save();
    ASSERT_EQ(::kill(rank, SIGKILL), 0);
    wait_for([&] { return attempt_of_training() > before; }, "the next attempt");
    if (unfinished_saves().size() > known.size()) ++cut_short;
    if (std::filesystem::exists(path("work/run/step-00000300"))) break;
  }
  EXPECT_GT(cut_short, 0) << "no kill came before the save had ended";
  wait_for_the_end();
  expect_the_bits_of_a_calm_run();
}

TEST_F(HostsTest, TrainingOverTwoHosts_LinkCutInAStepAndInASave_CostsNoBit) {
  start_cluster(1);
  wait_for([&] { return rank_on(3) != 0 && rank_on(2) != 0; }, "both ranks run");
  for (const bool saving : {false, true}) {
    if (saving) wait_for_a_save();
    ASSERT_TRUE(network_->cut_between(2, 3).ok());
    system_clock().sleep_ms(3'000);
    ASSERT_TRUE(network_->heal_between(2, 3).ok());
  }
  wait_for_the_end();
  expect_the_bits_of_a_calm_run();
}

class FourHostsTest : public HostsTest {
 protected:
  void SetUp() override { prepare(5, 4); }
};

TEST_F(FourHostsTest, Training_HasTheBitsOfOneHost) {
  start_cluster(1);
  wait_for_the_end();
  const json shown = ask({"job", "show", "train"});
  EXPECT_EQ(shown.value("nodes", json::array()).size(), 4u) << shown.dump();
  expect_the_bits_of_a_calm_run();
}

}  // namespace
}  // namespace tagalign::lab
