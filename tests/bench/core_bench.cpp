/// The coordinator's mind with agents that start and end every job at once, and its restart: cost a
/// job, and seconds until a coordinator with that history can answer.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <filesystem>
#include <limits>

#include "base/format.h"
#include "coordinator/core/core.h"
#include "coordinator/store/store.h"

namespace tagalign {
namespace {

constexpr int kAgents = 16;
constexpr int kSlots = 8;
constexpr int kJobsPerWorkflow = 1'000;

wire::WorkflowSpec workflow(std::int64_t first) {
  wire::WorkflowSpec spec{.name = format("w{}", first), .workspace = "/tmp/w"};
  for (int i = 0; i < kJobsPerWorkflow; ++i) {
    wire::JobSpec job;
    job.name = format("j{}", first + i);
    job.config_yaml = std::string(700, 'x');
    spec.jobs.push_back(std::move(job));
  }
  return spec;
}

/// A cluster without processes: every launch is answered with a start and an end.
class Cluster {
 public:
  explicit Cluster(store::Store* store) : store_(store) {}

  /// The numbers of a later call go on where an earlier one ended.
  void run(std::int64_t jobs, std::int64_t begin = 0) {
    for (int a = 0; a < kAgents && begin == 0; ++a) {
      inputs_.push_back(core::AgentJoined{{.agent = {format("n{}", a)},
                                           .incarnation = "1",
                                           .slots = kSlots,
                                           .first_unacknowledged = 1}});
    }
    for (std::int64_t first = begin; first < begin + jobs; first += kJobsPerWorkflow) {
      inputs_.push_back(core::WorkflowSubmitted{format("t{}", first), workflow(first)});
    }
    while (!inputs_.empty()) round();
  }
  void pass_an_hour() {
    now_ += 3'600'000;
    inputs_.push_back(core::TimePassed{});
    round();
  }
  void keep_all() { mind_.policy.ended_jobs_kept = std::numeric_limits<std::size_t>::max(); }
  const core::State& state() const { return state_; }

 private:
  void round() {
    const std::vector<core::InputBody> inputs = std::exchange(inputs_, {});
    std::vector<core::Fact> facts;
    for (const auto& input : inputs) {
      core::Decision decision = core::decide(mind_, state_, {++now_, input});
      std::ranges::move(decision.facts, std::back_inserter(facts));
      for (const core::Effect& effect : decision.effects) answer(effect);
    }
    if (store_ != nullptr) TA_CHECK(store_->append(facts).ok());
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
  std::vector<core::InputBody> inputs_;
  std::map<AgentId, std::uint64_t> sequences_;
};

void BM_JobThroughTheCore(benchmark::State& bench) {
  for (auto _ : bench) {
    Cluster cluster(nullptr);
    cluster.run(bench.range(0));
    TA_CHECK(core::live_jobs(cluster.state()).empty(), "a job was left over");
  }
  bench.counters["a_job"] = benchmark::Counter(
      static_cast<double>(bench.range(0)),
      benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}
BENCHMARK(BM_JobThroughTheCore)
    ->Arg(1'000)
    ->Arg(10'000)
    ->Arg(100'000)
    ->Unit(benchmark::kMillisecond);

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
      cluster.run(kJobsPerWorkflow, jobs);
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
  cluster.run(bench.range(0));
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
}  // namespace tagalign
