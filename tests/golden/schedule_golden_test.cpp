/// Learning rates of 200 steps against the reference's schedules.
#include <gtest/gtest.h>

#include "model/optimizer.h"
#include "tests/support/golden_files.h"

namespace tagalign::model {
namespace {

class ScheduleGolden : public ::testing::TestWithParam<std::string> {};

TEST_P(ScheduleGolden, LearningRate_EveryStep_AsReference) {
  TA_REQUIRE_GOLDEN("training/lr_schedules.json");
  const nlohmann::json golden =
      testing::read_golden_json("training/lr_schedules.json").at(GetParam());
  ScheduleOptions options;
  options.kind = GetParam().starts_with("cosine") ? ScheduleOptions::Kind::kCosine
                                                  : ScheduleOptions::Kind::kConstant;
  options.lr = golden.at("base_lr");
  options.min_lr = golden.at("min_lr");
  options.warmup_steps = golden.at("warmup_steps");
  options.total_steps = golden.at("total_steps");
  const std::vector<double> expected = golden.at("lr_used_at_step");
  ASSERT_EQ(expected.size(), 200u);
  for (std::size_t step = 0; step < expected.size(); ++step) {
    EXPECT_NEAR(learning_rate(options, step), expected[step], 1e-12 * options.lr) << step;
  }
}

INSTANTIATE_TEST_SUITE_P(Schedules, ScheduleGolden,
                         ::testing::Values("cosine_200", "cosine_200_no_min", "constant_200"),
                         [](const auto& schedule) { return schedule.param; });

}  // namespace
}  // namespace tagalign::model
