/// A coordinator's core beside a fake Slurm, under one clock: for tests of the rules of pools.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/format.h"
#include "tests/unit/core/world.h"

namespace tagalign::core {

inline wire::PoolSpec slurm_pool(std::string name = "a", int backlog = 1, int max = 2) {
  wire::SlurmSource source;
  source.nodes = 2;
  source.cpus_per_node = 4;
  source.backlog = backlog;
  source.max = max;
  source.idle_ms = 60'000;
  return {std::move(name), wire::GangLauncher::kMpirun, source};
}

/// Steps of one second. Every call is answered by the test, or by settle() as an honest Slurm does.
struct PoolBench : Bench {
  std::optional<AskSlurm> asked;  ///< the call on its way
  std::vector<QueueRow> queue;    ///< what squeue shows
  std::map<std::string, AccountingRow> over;
  std::vector<std::string> calls;
  int numbers = 100;

  PoolBench() { now = 1'000'000; }

  void take(InputBody body) {
    Decision decision = decide(mind, state, Input{now, std::move(body)});
    for (Fact& fact : decision.facts) facts.push_back(std::move(fact));
    for (const Effect& effect : decision.effects) {
      std::visit([&](const auto& e) { effects.push_back(text(e)); }, effect);
      const auto* call = std::get_if<AskSlurm>(&effect);
      if (call == nullptr) continue;
      EXPECT_FALSE(asked) << "two calls at once";
      asked = *call;
      calls.push_back(text(*call));
    }
  }
  /// Lets time pass until a call of that name is on its way; others are answered honestly.
  bool wait_for(const std::string& call, std::int64_t ms_max = 7'200'000) {
    for (const UnixMs end = now + ms_max; now < end;) {
      if (asked && text(*asked) == call) return true;
      settle();
      second();
    }
    return false;
  }
  void second() {
    now += 1'000;
    take(TimePassed{});
  }
  void pass(std::int64_t ms) {
    for (const UnixMs end = now + ms; now < end;) {
      settle();
      second();
    }
    settle();
  }
  void answer(SlurmAnswered reply) {
    reply.call = asked->call;
    asked.reset();
    take(std::move(reply));
  }
  void refuse(std::string message) {
    answer({.end = CallEnd::kRefused, .message = std::move(message)});
  }
  void lose(std::string message = "no end after 60 s") {
    answer({.end = CallEnd::kNoAnswer, .message = std::move(message)});
  }
  /// An honest answer to the call on its way, if there is one.
  void settle() {
    if (!asked) return;
    answer(carry_out(asked->what));
  }
  SlurmAnswered carry_out(const SlurmCall& call) {
    SlurmAnswered reply;
    if (const auto* submit = std::get_if<SubmitCall>(&call)) reply.number = submitted(*submit);
    if (std::holds_alternative<QueueCall>(call)) reply.queue = queue;
    if (const auto* accounting = std::get_if<AccountingCall>(&call)) {
      for (const auto& number : accounting->numbers) {
        if (over.contains(number)) reply.accounting.push_back(over.at(number));
      }
    }
    if (const auto* cancel = std::get_if<CancelCall>(&call)) {
      for (const auto& number : cancel->numbers) end(number, "CANCELLED by 0");
    }
    return reply;
  }
  std::string submitted(const SubmitCall& call) {
    const std::string number = format("{}", numbers++);
    queue.push_back({.number = number,
                     .name = job_name_of(call.spec.name, call.token),
                     .ours = true,
                     .state = "PENDING",
                     .reason = "Resources"});
    return number;
  }
  QueueRow& row(const std::string& number) {
    return *std::ranges::find(queue, number, &QueueRow::number);
  }
  void start(const std::string& number) {
    row(number).state = "RUNNING";
    row(number).nodes = "n[1-2]";
  }
  void end(const std::string& number, std::string how) {
    over[number] = {number, std::move(how), 1};
    std::erase_if(queue, [&](const QueueRow& r) { return r.number == number; });
  }
  void join_from(const std::string& number, const std::string& pool = "a",
                 const std::string& suffix = "") {
    for (const std::string node : {"n1", "n2"}) {
      wire::AgentHello hello{{node + "-" + number + suffix}, "i" + suffix, "host", 4, 0, 1, {}, 1};
      hello.place.pool = pool;
      hello.place.allocation = number;
      take(AgentJoined{hello});
    }
  }
  void add(const wire::PoolSpec& spec) { take(PoolAddAsked{spec}); }
  void submit_job(int ranks = 1, std::string pool = "") {
    wire::JobSpec job = make_job("j", "train", ranks);
    job.pool = std::move(pool);
    take(WorkflowSubmitted{"t" + std::to_string(state.workflows.size()), make_workflow({job})});
  }
  /// A job runs in the pool's one allocation, which is numbered so.
  void work_in(const std::string& number, const wire::PoolSpec& spec) {
    add(spec);
    submit_job();
    EXPECT_TRUE(wait_for("sbatch"));
    settle();
    start(number);
    pass(10'000);
    join_from(number);
  }
  PoolRecord& pool(const std::string& name = "a") { return state.pool_records.at(name); }
  int count(const std::string& call) const {
    return static_cast<int>(std::ranges::count(calls, call));
  }
  /// A coordinator that dies and starts again: the history, and nothing else, is known.
  void restart() {
    State again;
    for (const Fact& fact : facts) evolve(again, fact);
    EXPECT_EQ(dump(again), dump(state));
    state = std::move(again);
    mind = {};
    asked.reset();
  }
  /// Texts of the newest events of a pool, one a line.
  std::string events(const std::string& name = "a") {
    std::string text;
    for (const PoolEvent& event : pool(name).events) text += event.text + "\n";
    return text;
  }
};

}  // namespace tagalign::core
