/// A cluster without processes, whose agents start and end every job at once: what is left is the cost of
/// the core, and of the store where there is one.
#pragma once

#include <ctime>
#include <limits>
#include <optional>

#include "base/format.h"
#include "coordinator/core/core.h"
#include "coordinator/store/store.h"

namespace tagalign::bench {

inline constexpr int kAgents = 16;
inline constexpr int kSlots = 8;

struct Load {
  std::int64_t jobs = 0;
  std::int64_t per_workflow = 1'000;
  std::int64_t chain = 1;  ///< jobs of which each comes after the one before
};

inline wire::WorkflowSpec workflow(const Load& load, std::int64_t first) {
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

inline double cpu_us() {
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

  /// All are handed in before the first one runs. A later call's numbers begin at `begin`.
  Spent run(const Load& load, std::int64_t begin = 0) {
    for (int a = 0; a < kAgents && begin == 0; ++a) agent_joins(a);
    Spent spent;
    mind_.policy.place = nowhere;
    for (std::int64_t first = begin; first < begin + load.jobs; first += load.per_workflow) {
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
  void pass_an_hour() {
    now_ += 3'600'000;
    take(core::TimePassed{});
    commit();
  }
  void keep_all() { mind_.policy.ended_jobs_kept = std::numeric_limits<std::size_t>::max(); }
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

}  // namespace tagalign::bench
