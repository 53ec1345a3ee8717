#include "coordinator/replay/what_if.h"

#include <gmock/gmock.h>

namespace tagalign::replay {
namespace {

TEST(WhatIf, EveryKey_IsTaken) {
  const auto parsed = parse_what_if(
      "slots=16,agents=3,checkpoint.every=200,retries=0,priorities=off,backfill=off,preemption=off,"
      "failures=off");
  ASSERT_TRUE(parsed.ok()) << parsed.status().message();
  const WhatIf expected{.slots = 16,
                        .agents = 3,
                        .checkpoint_every = 200,
                        .retries = 0,
                        .priorities = false,
                        .backfill = false,
                        .preemption = false,
                        .failures = false};
  EXPECT_EQ(*parsed, expected);
}

TEST(WhatIf, Nothing_IsNoDifference) {
  EXPECT_EQ(*parse_what_if(""), WhatIf{});
  EXPECT_EQ(*parse_what_if("backfill=on"), WhatIf{});
}

TEST(WhatIf, WhatIsNotUnderstood_IsNamed) {
  for (const char* text : {"slots", "slots=0", "slots=many", "slots=99999999999", "colour=red",
                           "backfill=maybe", "retries=-1", "slots=4,,agents=2"}) {
    const auto parsed = parse_what_if(text);
    ASSERT_FALSE(parsed.ok()) << text;
    EXPECT_THAT(parsed.status().message(), testing::HasSubstr("there are slots=N")) << text;
  }
}

}  // namespace
}  // namespace tagalign::replay
