/// The work of a turn does not grow with the jobs that are known: counted, not timed.
///
/// Counted are tries to place a job and allocations of memory, of which a scan over jobs that
/// decides anything makes some for each.
#include <gtest/gtest.h>

#include <cstdlib>
#include <new>

#include "tests/unit/core/world.h"

namespace {
std::size_t allocations = 0;
}  // namespace

void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace tagalign::core {
namespace {

constexpr wire::Outcome kGood = wire::Outcome::kSucceeded;

int tries = 0;

std::optional<Placement> counted(const State& state, const wire::JobSpec& job, UnixMs until_ms,
                                 const std::set<AgentId>& avoided) {
  ++tries;
  return find_room(state, job, until_ms, avoided);
}

struct Work {
  std::size_t allocations = 0;
  int tries = 0;
};

/// What it takes to hear that a job ended and to start the next one.
template <class Spec>
Work work_of_a_turn(std::size_t jobs, Spec spec) {
  constexpr std::size_t kPerWorkflow = 1'000;
  Bench b;
  b.mind.policy.place = counted;
  b.join("a", 2);
  for (std::size_t first = 0; first < jobs; first += kPerWorkflow) {
    std::vector<wire::JobSpec> specs;
    for (std::size_t i = first; i < std::min(jobs, first + kPerWorkflow); ++i)
      specs.push_back(spec(i));
    b.submit(std::move(specs));
  }
  for (int i = 0; i < 4; ++i) b.ended("a", jobs_on(b.state, {"a"}).begin()->value, 1, kGood);
  wire::AttemptEnded end;
  end.job = *jobs_on(b.state, {"a"}).begin();
  end.attempt = {1};
  end.outcome = kGood;
  const Input input{b.now, AgentReported{{"a"}, {{++b.sequence["a"], end}}}};
  tries = 0;
  const std::size_t before = allocations;
  const Decision decision = decide(b.mind, b.state, input);
  const Work work{allocations - before, tries};
  EXPECT_EQ(b.state_of(end.job.value), "succeeded");
  EXPECT_EQ(jobs_on(b.state, {"a"}).size(), 2u) << "another one starts in its place";
  return work;
}

wire::JobSpec alone(std::size_t number) {
  return make_job("j" + std::to_string(number));
}

/// All but the first few are behind one that waits.
wire::JobSpec behind(std::size_t number) {
  const std::size_t in_workflow = number % 1'000;
  if (in_workflow < 20) return alone(number);
  return make_job("j" + std::to_string(number), "train", 1, {"j" + std::to_string(number - 1)});
}

void expect_equal(const Work& few, const Work& many) {
  EXPECT_EQ(many.tries, few.tries);
  EXPECT_GT(few.allocations, 0u);
  EXPECT_LE(many.allocations, few.allocations + 20) << "a copy of something that grows";
}

// Jobs of one workflow, which all want the same place.
TEST(Turn, ThousandJobsWait_CostsWhatItCostsWith20) {
  expect_equal(work_of_a_turn(20, alone), work_of_a_turn(1'000, alone));
}

TEST(Turn, ThirtyThousandJobsBehindOthers_CostsWhatItCostsWith1000) {
  expect_equal(work_of_a_turn(1'000, behind), work_of_a_turn(30'000, behind));
}

}  // namespace
}  // namespace tagalign::core
