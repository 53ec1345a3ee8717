/// Seconds until a coordinator with so much behind it can answer again.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <filesystem>

#include "tests/bench/micro/instant_cluster.h"

namespace tagalign::bench {
namespace {

constexpr std::int64_t kJobsPerWorkflow = Load{}.per_workflow;

/// As the service does it: a snapshot after so many facts, and old workflows archived.
class Memory {
 public:
  explicit Memory(store::Store& store) : store_(store) {}
  void after_commit(const core::State& state) {
    if (store_.fact_count() - at_ < std::max<std::uint64_t>(10'000, state.jobs.size())) return;
    at_ = store_.fact_count();
    TA_CHECK(store_.save_snapshot(state).ok());
  }

 private:
  store::Store& store_;
  std::uint64_t at_ = 0;
};

std::uint64_t bytes_of(const Path& file) {
  std::error_code absent;
  const auto bytes = std::filesystem::file_size(file, absent);
  return absent ? 0 : bytes;
}

/// A history of so many jobs, of which an hour passes after every workflow; then a restart. The second
/// argument is whether old workflows are archived.
void BM_RestartAfterALongHistory(benchmark::State& bench) {
  const Path folder =
      std::filesystem::temp_directory_path() / format("ta-history-bench-{}", ::getpid());
  std::filesystem::create_directories(folder);
  std::uint64_t facts = 0, largest = 0;
  {
    auto store = store::open_store(folder);
    TA_CHECK(store.ok(), store.status().message().c_str());
    Memory memory(**store);
    Cluster cluster(store->get());
    if (bench.range(1) == 0) cluster.keep_all();
    for (std::int64_t jobs = 0; jobs < bench.range(0); jobs += kJobsPerWorkflow) {
      cluster.run({.jobs = kJobsPerWorkflow}, jobs);
      cluster.pass_an_hour();
      memory.after_commit(cluster.state());
      largest = std::max(largest, bytes_of(folder / "coordinator.sqlite"));
    }
    facts = (*store)->fact_count();
  }
  for (auto _ : bench) {
    const auto store = store::open_store(folder);
    const auto loaded = store::load_state(**store);
    TA_CHECK(loaded.ok() && core::live_jobs(loaded->state).empty());
  }
  constexpr double kMib = 1 << 20;
  bench.counters["facts"] = static_cast<double>(facts);
  bench.counters["live_MiB"] = static_cast<double>(bytes_of(folder / "coordinator.sqlite")) / kMib;
  bench.counters["largest_MiB"] = static_cast<double>(largest) / kMib;
  bench.counters["archive_MiB"] = static_cast<double>(bytes_of(folder / "archive.sqlite")) / kMib;
  std::filesystem::remove_all(folder);
}
BENCHMARK(BM_RestartAfterALongHistory)
    ->Args({50'000, 0})
    ->Args({200'000, 0})
    ->Args({50'000, 1})
    ->Args({100'000, 1})
    ->Args({200'000, 1})
    ->Args({400'000, 1})
    ->Iterations(5)
    ->Unit(benchmark::kMillisecond);

/// Facts that are all in the newest snapshot; each fact behind it adds some microseconds.
void BM_RestartWithFinishedJobs(benchmark::State& bench) {
  const Path folder =
      std::filesystem::temp_directory_path() / format("ta-core-bench-{}", ::getpid());
  std::filesystem::create_directories(folder);
  auto store = store::open_store(folder);
  TA_CHECK(store.ok(), store.status().message().c_str());
  Cluster cluster(store->get());
  cluster.run({.jobs = bench.range(0)});
  TA_CHECK((*store)->save_snapshot(cluster.state()).ok());
  for (auto _ : bench) {
    const auto loaded = store::load_state(**store);
    TA_CHECK(loaded.ok() && loaded->state.jobs.size() == cluster.state().jobs.size());
  }
  store->reset();
  std::filesystem::remove_all(folder);
}
BENCHMARK(BM_RestartWithFinishedJobs)->Arg(10'000)->Arg(100'000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace tagalign::bench
