/// CPU a job by what it is spent on, with agents that start and end every job at once: how it grows with
/// the jobs that are known.
///
/// The hardest case for caches: every job is handed in before the first one runs, and none leaves. The
/// microseconds of a job are a_submit until it is known, a_run from then to its end, a_store for its facts.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <filesystem>

#include "tests/bench/micro/instant_cluster.h"

namespace tagalign::bench {
namespace {

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
}  // namespace tagalign::bench
