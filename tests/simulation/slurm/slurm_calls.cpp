#include "tests/simulation/slurm/slurm_calls.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/format.h"
#include "base/overloaded.h"

namespace tagalign::simulation {
namespace {

using core::CallEnd;
using core::SlurmAnswered;

constexpr std::int64_t kTimeoutMs = 60'000;  ///< the service gives a program no longer
/// What Slurm was sent it may still do when the program that sent it is gone.
constexpr std::int64_t kLateMsMax = 90'000;

SlurmAnswered carry_out(Slurm& slurm, const core::SlurmCall& what) {
  SlurmAnswered answer;
  std::visit(Overloaded{[&](const core::SubmitCall& call) {
                          answer.number = slurm.submit(call.spec, call.token);
                        },
                        [&](const core::QueueCall&) { answer.queue = slurm.queue(); },
                        [&](const core::AccountingCall& call) {
                          answer.accounting = slurm.accounting(call.numbers);
                        },
                        [&](const core::CancelCall& call) {
                          for (const std::string& number : call.numbers) slurm.cancel(number);
                        }},
             what);
  return answer;
}

/// Some of the rows can be read.
void cut_short(World& world, SlurmAnswered& answer) {
  answer.complete = false;
  answer.message = "line 1: 4 columns instead of 9";
  std::erase_if(answer.queue, [&](const auto&) { return world.random.chance(0.5); });
}

}  // namespace

/// One call, and what will become of it.
struct SlurmCalls::Call {
  core::AskSlurm asked;
  int store_failures = 0;  ///< when it was made
  std::int64_t done_after_ms = 0;
  std::int64_t answered_after_ms = 0;
  bool refused = false;
  bool done = true;
  bool heard = true;
  std::optional<SlurmAnswered> answer;  ///< once it was carried out
};

void SlurmCalls::start(const core::StartSshAgent&) {
  world_.violation("an agent is started over ssh, and there is no such pool");
}

void SlurmCalls::end(const core::EndSshAgent&) {
  world_.violation("an agent is ended over ssh, and there is no such pool");
}

void SlurmCalls::ask(const core::AskSlurm& effect) {
  check_alone();
  if (const auto* cancel = std::get_if<core::CancelCall>(&effect.what)) check_cancel(*cancel);
  const auto call = std::make_shared<Call>(Call{effect, world_.store_failures});
  draw(*call);
  on_its_way_ = call;
  const std::weak_ptr<int> process = process_;
  world_.after(call->done_after_ms, [this, &world = world_, &slurm = slurm_, process, call] {
    if (!call->done || !slurm.reachable) return;
    // Whether a program that ended with its coordinator got through, nobody knows.
    if (process.expired() && world.random.chance(0.5)) return;
    call->answer = carry_out(slurm, call->asked.what);
  });
  world_.after(call->answered_after_ms, [this, process, call] {
    if (!process.expired() && on_its_way_ == call) settle(*call);
  });
}

void SlurmCalls::draw(Call& call) {
  const Weather& weather = world_.weather;
  const bool late = world_.strikes(weather.slow, "Slurm answers late");
  call.done_after_ms = world_.between(5, 300);
  call.answered_after_ms = call.done_after_ms + world_.between(5, late ? kTimeoutMs - 300 : 1'000);
  call.refused = world_.strikes(weather.slurm_refusal, "Slurm refuses");
  call.done = !call.refused;
  if (call.refused || !world_.strikes(weather.slurm_loss, "Slurm gives no answer")) return;
  call.heard = false;
  call.done = world_.strikes(0.6, "call carried out without an answer");
  call.answered_after_ms = world_.between(2'000, kTimeoutMs);
  if (call.done && world_.strikes(0.3, "call carried out late"))
    call.done_after_ms = world_.between(5'000, kLateMsMax);
}

void SlurmCalls::settle(const Call& call) {
  on_its_way_.reset();
  SlurmAnswered answer;
  if (call.refused) {
    answer.end = CallEnd::kRefused;
    answer.message = "invalid partition";
  } else if (!call.heard || !call.answer || !slurm_.reachable) {
    answer.end = CallEnd::kNoAnswer;
    answer.message = "Unable to contact slurm controller";
  } else {
    answer = *call.answer;
    const bool looked = std::holds_alternative<core::QueueCall>(call.asked.what);
    if (looked && world_.strikes(world_.weather.slurm_loss, "squeue cut short"))
      cut_short(world_, answer);
  }
  answer.call = call.asked.call;
  news_.emplace_back(std::move(answer));
}

/// A coordinator whose store failed has read its state again, and knows of no call.
void SlurmCalls::check_alone() {
  if (!on_its_way_) return;
  if (on_its_way_->store_failures == world_.store_failures)
    world_.violation("two calls of Slurm at once");
  ++world_.misfortunes["call given up for the next"];
}

void SlurmCalls::check_cancel(const core::CancelCall& call) {
  const core::State& state = knowledge_();
  for (const std::string& number : call.numbers) {
    const SlurmJob* job = slurm_.find(number);
    if (job && !job->ours) world_.violation(format("Slurm job {} is another's", number));
    bool known = false;
    for (const auto& [name, pool] : state.pool_records) {
      for (const auto& [token, allocation] : pool.allocations) {
        if (allocation.number != number) continue;
        known = true;
        check_cancel(state, pool, allocation);
      }
    }
    if (!known && job && state.pool_records.contains(job->pool.name))
      world_.violation(format("Slurm job {} is cancelled, and its pool does not know it", number));
  }
}

void SlurmCalls::check_cancel(const core::State& state, const core::PoolRecord& pool,
                              const core::Allocation& allocation) {
  if (allocation.leaving_ms == 0)
    return world_.violation(format("Slurm job {} shall stay", allocation.number));
  if (pool.mode == core::PoolMode::kRemoving || state.stopping) return;  // it had its time
  for (const core::Agent* agent : core::agents_of(state, pool, allocation)) {
    if (core::jobs_on(state, agent->id).empty()) continue;
    world_.violation(format("Slurm job {} is cancelled, and {} works in it: {}", allocation.number,
                            agent->id.value, allocation.leaving_why));
  }
}

}  // namespace tagalign::simulation
