/// CPU a job by what it is spent on, with agents that start and end every job at once: how it grows with
/// the jobs that are known.
///
/// The hardest case for caches: every job is handed in before the first one runs, and none leaves. The
/// microseconds of a job are a_submit until it is known, a_run from then to its end, a_store for its facts.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <ctime>
#include <filesystem>
#include <optional>

#include "base/format.h"
#include "coordinator/core/core.h"
#include "coordinator/store/store.h"

namespace tagalign {
namespace {

constexpr int kAgents = 16;
constexpr int kSlots = 8;

struct Load {
  std::int64_t jobs = 0;
  std::int64_t per_workflow = 1'000;
  std::int64_t chain = 1;  ///< jobs of which each comes after the one before
};

wire::WorkflowSpec workflow(const Load& load, std::int64_t first) {
  wire::WorkflowSpec spec{.name = format("w{}", first), .workspace = "/tmp/w"};
  for (std::int64_t i = 0; i < load.per_workflow; ++i) {
    wire::JobSpec job;
    job.name = format("j{}", first + i);
    job.config_yaml = std::string(700, 'x');
    if (i % load.chain != 0) job.after = {format("j{}", first + i - 1)};
    spec.jobs.push_back(std::move(job));
  }
  return spec;
}

double cpu_us() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return 1e6 * static_cast<double>(now.tv_sec) + 1e-3 * static_cast<double>(now.tv_nsec);
}

/// Where the time went, in microseconds.
struct Spent {
  double submitting = 0;
  double running = 0;
  double storing = 0;
};

/// A cluster without processes: every launch is answered with a start and an end.
class Cluster {
 public:
  explicit Cluster(store::Store* store) : store_(store) {}

  Spent run(const Load& load) {
    for (int a = 0; a < kAgents; ++a) agent_joins(a);
    Spent spent;
    mind_.policy.place = nowhere;
    for (std::int64_t first = 0; first < load.jobs; first += load.per_workflow) {
      core::WorkflowSubmitted input{format("t{}", first), workflow(load, first)};
      spent.submitting += timed([&] { take(std::move(input)); });
      spent.storing += timed([&] { commit(); });
    }
    mind_.policy.place = core::find_room;
    inputs_.push_back(core::TimePassed{});
    while (!inputs_.empty()) {
      std::vector<core::InputBody> inputs = std::exchange(inputs_, {});
      spent.running += timed([&] {
        for (auto& input : inputs) take(std::move(input));
      });
      spent.storing += timed([&] { commit(); });
    }
    return spent;
  }
  const core::State& state() const { return state_; }

 private:
  template <class Work>
  static double timed(Work work) {
    const double begun = cpu_us();
    work();
    return cpu_us() - begun;
  }
  static std::optional<core::Placement> nowhere(const core::State&, const wire::JobSpec&, UnixMs,
                                                const std::set<AgentId>&) {
    return std::nullopt;
  }
  void agent_joins(int number) {
    take(core::AgentJoined{{.agent = {format("n{}", number)},
                            .incarnation = "1",
                            .slots = kSlots,
                            .first_unacknowledged = 1}});
  }
  void take(core::InputBody input) {
    core::Decision decision = core::decide(mind_, state_, {++now_, std::move(input)});
    if (store_ != nullptr) std::ranges::move(decision.facts, std::back_inserter(facts_));
    for (const core::Effect& effect : decision.effects) answer(effect);
  }
  void commit() {
    if (store_ != nullptr) TA_CHECK(store_->append(std::exchange(facts_, {})).ok());
  }
  void answer(const core::Effect& effect) {
    const auto* send = std::get_if<core::Send>(&effect);
    const auto* launch = send ? std::get_if<wire::Launch>(&send->message) : nullptr;
    if (launch == nullptr) return;
    std::uint64_t& sequence = sequences_[send->agent];
    wire::AttemptEnded ended;
    ended.job = launch->job;
    ended.attempt = launch->attempt;
    ended.outcome = wire::Outcome::kSucceeded;
    inputs_.push_back(core::AgentReported{
        send->agent,
        {{sequence + 1, wire::AttemptStarted{launch->job, launch->attempt, 1, now_}},
         {sequence + 2, ended}}});
    sequence += 2;
  }

  store::Store* store_;
  core::State state_;
  core::Mind mind_;
  UnixMs now_ = 1;
  std::vector<core::Fact> facts_;
  std::vector<core::InputBody> inputs_;
  std::map<AgentId, std::uint64_t> sequences_;
};

void BM_JobByPart(benchmark::State& bench) {
  const Load load{bench.range(0), bench.range(1), bench.range(2)};
  Spent sum;
  for (auto _ : bench) {
    Cluster cluster(nullptr);
    const Spent spent = cluster.run(load);
    TA_CHECK(core::live_jobs(cluster.state()).empty(), "a job was left over");
    sum.submitting += spent.submitting;
    sum.running += spent.running;
    bench.SetIterationTime(1e-6 * (spent.submitting + spent.running));
  }
  const auto jobs = static_cast<double>(load.jobs * bench.iterations());
  bench.counters["a_submit"] = sum.submitting / jobs;
  bench.counters["a_run"] = sum.running / jobs;
}
BENCHMARK(BM_JobByPart)
    ->ArgNames({"jobs", "per_workflow", "chain"})
    ->Args({100, 100, 1})
    ->Args({1'000, 1'000, 1})
    ->Args({10'000, 1'000, 1})
    ->Args({10'000, 10'000, 1})
    ->Args({100'000, 1'000, 1})
    ->Args({100'000, 10'000, 1})
    ->Args({1'000, 1'000, 10})
    ->Args({100'000, 1'000, 10})
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

/// With the store: what a batch of facts costs until it is on the disk, and what a restart then reads.
void BM_JobThroughTheStore(benchmark::State& bench) {
  const Path folder =
      std::filesystem::temp_directory_path() / format("ta-jobs-bench-{}", ::getpid());
  std::filesystem::create_directories(folder);
  auto store = store::open_store(folder);
  TA_CHECK(store.ok(), store.status().message().c_str());
  const Load load{.jobs = bench.range(0)};
  for (auto _ : bench) {
    Cluster cluster(store->get());
    const Spent spent = cluster.run(load);
    bench.SetIterationTime(1e-6 * spent.storing);
    const double begun = cpu_us();
    const auto loaded = store::load_state(**store);
    bench.counters["replay_ms"] = 1e-3 * (cpu_us() - begun);
    TA_CHECK(loaded.ok() && loaded->state.jobs.size() == cluster.state().jobs.size());
    bench.counters["a_store"] = spent.storing / static_cast<double>(load.jobs);
    bench.counters["facts"] = static_cast<double>((*store)->fact_count());
  }
  store->reset();
  std::filesystem::remove_all(folder);
}
BENCHMARK(BM_JobThroughTheStore)
    ->Arg(1'000)
    ->Arg(10'000)
    ->Arg(100'000)
    ->Iterations(1)
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace tagalign
