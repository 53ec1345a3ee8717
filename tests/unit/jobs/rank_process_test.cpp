// What a rank's process does by itself: watch over its agent, and run near its GPU.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#include <cstdio>
#include <stdexcept>
#include <thread>

#include "base/format.h"
#include "base/limits.h"
#include "base/process.h"
#include "coordinator/wire/end_note.h"
#include "worker/rank/agent_watch_posix.h"
#include "worker/rank/cores_posix.h"
#include "worker/rank/sudden_end_posix.h"

namespace tagalign::jobs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(AgentWatch, ProcessThatEnds_IsGone) {
  const pid_t agent = start_process({.command = {"sleep", "60"}}).value();
  const AgentWatch watch(agent);
  EXPECT_FALSE(watch.is_gone(0));
  ::kill(agent, SIGKILL);
  int status = 0;
  ::waitpid(agent, &status, 0);
  EXPECT_TRUE(watch.is_gone(0));
}

TEST(AgentWatch, AgentThatWasHeard_IsGoneAfterItsSilence) {
  AgentWatch watch(0);
  EXPECT_FALSE(watch.is_gone(1'000'000)) << "it was not spoken to yet";
  watch.heard(1'000'000);
  EXPECT_FALSE(watch.is_gone(1'000'000 + limits::kAgentSilentAfterMs));
  EXPECT_TRUE(watch.is_gone(1'000'001 + limits::kAgentSilentAfterMs));
  watch.heard(1'000'001 + limits::kAgentSilentAfterMs);
  EXPECT_FALSE(watch.is_gone(1'000'002 + limits::kAgentSilentAfterMs));
}

/// Says its farewell to stderr, which the death tests look at.
class LoudReporter final : public Reporter {
 public:
  void hello(const std::string&) override {}
  void progress(std::uint64_t, std::uint64_t, const std::string&) override {}
  Status checkpoint(const wire::CheckpointInfo&, const wire::Pace&) override { return {}; }
  Status result(const wire::EvaluationResult&) override { return {}; }
  void notice(const std::string&) override {}
  void farewell(int code, const std::string& reason) override {
    std::fprintf(stderr, "farewell %d: %s\n", code, reason.c_str());
  }
  std::optional<std::string> stop_requested() override { return std::nullopt; }
  RankIdentity identity() const override { return {}; }
};

/// Field case classes-latin1: the exception's text stood in a log alone, and the agent saw a kill.
TEST(SuddenEnd, ExceptionThatNothingCatches_IsReportedAsAFailure) {
  const auto die = [] {
    static LoudReporter reporter;
    report_sudden_end(reporter);
    std::thread([] { throw std::runtime_error("[json.exception.type_error.316]"); }).join();
  };
  EXPECT_EXIT(die(), testing::ExitedWithCode(1),
              "farewell 1: .*defect.*nothing caught .json.exception.type_error.316");
}

TEST(SuddenEnd, BrokenExpectation_IsReportedWithItsPlace) {
  const auto die = [] {
    static LoudReporter reporter;
    report_sudden_end(reporter);
    TA_CHECK(1 == 2, "numbers are numbers");
  };
  EXPECT_EXIT(die(), testing::ExitedWithCode(1),
              "farewell 1: .*rank_process_test.cpp:[0-9]+: check failed: 1 == 2: numbers are");
}

TEST(SuddenEnd, AfterTheEnd_NobodyIsTold) {
  const auto die = [] {
    static LoudReporter reporter;
    report_sudden_end(reporter);
    forget_sudden_end();
    TA_CHECK(1 == 2);
  };
  EXPECT_EXIT(die(), testing::KilledBySignal(SIGABRT), "check failed: 1 == 2");
}

/// What a child that does `work` leaves behind, read as the agent reads it.
std::optional<ExitStatus> note_of(const std::function<void()>& work) {
  const std::string path = format("{}/end-{}", testing::TempDir(), ::getpid());
  std::filesystem::remove(path);
  const pid_t child = ::fork();
  if (child == 0) {
    static LoudReporter reporter;
    report_sudden_end(reporter, path);
    work();
    ::_exit(0);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  const auto note = posix_file_system().read_file(path, wire::kEndNoteBytesMax);
  return note.ok() ? wire::parse_end_note(*note) : std::nullopt;
}

TEST(EndNote, OfACrashOrAnExit_TellsItsNumber) {
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) {
    const auto end = note_of([signal] { ::raise(signal); });
    ASSERT_TRUE(end.has_value()) << signal;
    EXPECT_EQ(end->signal, signal);
  }
  const auto end = note_of([] { std::exit(3); });
  ASSERT_TRUE(end.has_value());
  EXPECT_EQ(end->code, 3);
  EXPECT_EQ(end->signal, 0);
}

TEST(EndNote, OfAKillOrAGoodEnd_IsNotThere) {
  EXPECT_FALSE(note_of([] { ::raise(SIGKILL); }).has_value());
  EXPECT_FALSE(note_of([] {}).has_value());
  const auto well = [] {
    forget_sudden_end();
    std::exit(0);
  };
  EXPECT_FALSE(note_of(well).has_value());
}

TEST(EndNote, OtherText_IsNone) {
  for (const char* text : {"", "signal", "signal x", "exit -1", "exit 99999999999", "killed 9"})
    EXPECT_FALSE(wire::parse_end_note(text).has_value()) << text;
}

TEST(CoreList, AsLinuxWritesIt_IsRead) {
  EXPECT_THAT(*parse_core_list("0-3,8"), ElementsAre(0, 1, 2, 3, 8));
  EXPECT_THAT(*parse_core_list("7"), ElementsAre(7));
  for (const char* bad : {"a", "3-1", "-1", "1-", "1,,2", "99999999999"}) {
    const auto cores = parse_core_list(bad);
    ASSERT_FALSE(cores.ok()) << bad;
    EXPECT_THAT(cores.status().message(), HasSubstr(bad));
  }
}

TEST(BindNear, ListOfItsDevice_BecomesTheProcesss) {
  cpu_set_t before, after;
  ASSERT_EQ(::sched_getaffinity(0, sizeof before, &before), 0);
  int core = 0;
  while (!CPU_ISSET(core, &before)) ++core;
  EXPECT_EQ(bind_near(format("nothing;{};", core), 1), format("{}", core));
  ASSERT_EQ(::sched_getaffinity(0, sizeof after, &after), 0);
  EXPECT_EQ(CPU_COUNT(&after), 1);
  ASSERT_EQ(::sched_setaffinity(0, sizeof before, &before), 0);
}

TEST(BindNear, UnknownDeviceOrForeignCores_LeaveItAsItIs) {
  cpu_set_t before, after;
  ASSERT_EQ(::sched_getaffinity(0, sizeof before, &before), 0);
  EXPECT_FALSE(bind_near("", 0).has_value());
  EXPECT_FALSE(bind_near("0;", 5).has_value());
  EXPECT_FALSE(bind_near(format("{}", CPU_SETSIZE - 1), 0).has_value());
  ASSERT_EQ(::sched_getaffinity(0, sizeof after, &after), 0);
  EXPECT_TRUE(CPU_EQUAL(&before, &after));
}

}  // namespace
}  // namespace tagalign::jobs
