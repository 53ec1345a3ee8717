// The log of steps: what it keeps, and what it notices.
#include "worker/train/commits/step_log.h"

#include <gmock/gmock.h>
#include <stdlib.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>

#include "base/format.h"
#include "tests/support/fault_file_system.h"

namespace tagalign::jobs {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

StepRecord record(std::uint64_t step, double norm = 1.5) {
  return {step, step * 8, loss_print(0, 0.25) + loss_print(1, norm), norm, 1e-3};
}

class StepLogTest : public testing::Test {
 protected:
  StepLogTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "tagalign-log-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~StepLogTest() override { std::filesystem::remove_all(folder_); }

  /// One attempt: goes on behind `from` and makes steps up to `to`; what it said.
  std::string attempt(std::uint64_t from, std::uint64_t to, const std::string& terms = "2 ranks",
                      double norm = 1.5) {
    StepLog log(files_, folder_, terms);
    log.open(from);
    std::string said;
    for (std::uint64_t step = from + 1; step <= to; ++step) said += log.add(record(step, norm));
    return said;
  }
  std::string text() const {
    return *posix_file_system().read_file(folder_ / "steps.log", 1 << 26);
  }
  /// In the file's order.
  std::vector<std::uint64_t> steps() const {
    std::vector<std::uint64_t> steps;
    std::istringstream lines(text());
    for (std::string line; std::getline(lines, line);) {
      if (!line.starts_with('#')) steps.push_back(std::stoull(line));
    }
    return steps;
  }

  testing_support::FaultFileSystem files_{posix_file_system()};
  Path folder_;
};

TEST_F(StepLogTest, Line_HoldsWhatCameOutOfTheStep) {
  attempt(0, 1);
  EXPECT_THAT(text(), AllOf(HasSubstr("# tagalign steps 1\n"), HasSubstr(": 2 ranks\n"),
                            HasSubstr(format("\n1 8 {:016x} 1.5 0.001 ", record(1).losses))));
}

TEST_F(StepLogTest, RepeatedSteps_ThatComeOutTheSame_SayNothing) {
  attempt(0, 6);
  EXPECT_THAT(attempt(4, 8), IsEmpty());
  EXPECT_THAT(attempt(2, 9), IsEmpty());
  EXPECT_THAT(attempt(9, 9), IsEmpty());
  EXPECT_THAT(steps(), ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 9)) << "one line a step";
}

TEST_F(StepLogTest, StepThatDiffers_IsSaidOnceWithBothValues_AndWhatCameAfterItIsForgotten) {
  attempt(0, 6);
  const std::string said = attempt(3, 5, "2 ranks", 2.5);
  EXPECT_THAT(said, AllOf(HasSubstr("step 4 came out otherwise"), HasSubstr("gradient norm 2.5"),
                          HasSubstr("gradient norm 1.5")));
  EXPECT_EQ(said.find("step 5"), said.npos);
  EXPECT_THAT(steps(), ElementsAre(1, 2, 3, 4, 5));
  EXPECT_THAT(attempt(3, 6, "2 ranks", 2.5), IsEmpty()) << "the new way is the one that counts";
}

TEST_F(StepLogTest, KilledWhileItRepeats_TheRestIsStillComparedNextTime) {
  attempt(0, 6);
  EXPECT_THAT(attempt(2, 3), IsEmpty());
  EXPECT_THAT(attempt(2, 6, "2 ranks", 2.5), HasSubstr("step 3 came out otherwise"));
}

TEST_F(StepLogTest, OtherTerms_AreNotCompared_AndTheirLaterStepsForgotten) {
  attempt(0, 6);
  EXPECT_THAT(attempt(3, 4, "4 ranks", 2.5), IsEmpty());
  EXPECT_THAT(steps(), ElementsAre(1, 2, 3, 4));
}

TEST_F(StepLogTest, Rewound_GoesOnWithOtherDataWithoutAWord) {
  StepLog log(files_, folder_, "2 ranks");
  log.open(0);
  for (std::uint64_t step = 1; step <= 5; ++step) log.add(record(step));
  log.rewind(3);
  EXPECT_THAT(steps(), ElementsAre(1, 2, 3));
  StepRecord other = record(4, 2.5);
  other.samples += 16;
  EXPECT_THAT(log.add(other), IsEmpty());
  // Killed before the next commit: the run repeats step 4 with the data that it had at first.
  EXPECT_THAT(attempt(3, 5), IsEmpty());
}

TEST_F(StepLogTest, LineThatWasCutOff_AndForeignText_ArePassedOver) {
  attempt(0, 3);
  std::ofstream(folder_ / "steps.log", std::ios::app) << "nonsense\n\n4 32 00";
  EXPECT_THAT(attempt(2, 4, "2 ranks"), IsEmpty());
  EXPECT_THAT(steps(), ElementsAre(1, 2, 3, 3, 4));
}

TEST_F(StepLogTest, NormThatIsNoNumber_EqualsItself) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  attempt(0, 2, "2 ranks", nan);
  EXPECT_THAT(attempt(0, 2, "2 ranks", nan), IsEmpty());
}

TEST_F(StepLogTest, LongRun_KeepsTheNewestSteps) {
  attempt(0, 2 * StepLog::kKept + 5);
  EXPECT_EQ(steps().size(), StepLog::kKept + 5);
  EXPECT_EQ(steps().back(), 2 * StepLog::kKept + 5);
}

TEST_F(StepLogTest, FullDisk_StopsTheLogAndNothingElse) {
  StepLog log(files_, folder_, "2 ranks");
  log.open(0);
  files_.set_space(10);
  for (std::uint64_t step = 1; step <= 3; ++step) EXPECT_THAT(log.add(record(step)), IsEmpty());
}

TEST(LossPrint, Sums_TellWhoseLossItWas) {
  EXPECT_NE(loss_print(0, 1.0) + loss_print(1, 2.0), loss_print(0, 2.0) + loss_print(1, 1.0));
  EXPECT_NE(loss_print(0, 1.0), loss_print(0, std::nextafter(1.0, 2.0)));
}

}  // namespace
}  // namespace tagalign::jobs
