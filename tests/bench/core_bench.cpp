/// The coordinator's mind with agents that start and end every job at once, and its restart: cost a
/// job, and seconds until a coordinator with that history can answer.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <filesystem>

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

  void run(std::int64_t jobs) {
    for (int a = 0; a < kAgents; ++a) {
      inputs_.push_back(core::AgentJoined{{.agent = {format("n{}", a)},
                                           .incarnation = "1",
                                           .slots = kSlots,
                                           .first_unacknowledged = 1}});
    }
    for (std::int64_t first = 0; first < jobs; first += kJobsPerWorkflow) {
      inputs_.push_back(core::WorkflowSubmitted{format("t{}", first), workflow(first)});
    }
    while (!inputs_.empty()) round();
  }
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
