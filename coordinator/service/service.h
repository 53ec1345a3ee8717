/// The daemon's loop: messages and time become inputs, decide() turns them into facts, the facts of
/// a round are committed, and only then is anything said or done.
///
/// Order    inputs of a round are judged one after the other on the state that the earlier ones
///          gave; one transaction takes all their facts; effects and answers follow. A crash
///          between any two of these steps folds to the state of the last commit, and agents are
///          asked again for whatever was not said.
/// Failure  when the store cannot commit, nothing of the round has happened: the state is read from
///          the store again, requests are refused with the store's message, agents repeat their
///          events. A full disk or a busy database is waited out, other failures end run().
/// Owns     nothing of what it is given; all references must outlive it.
/// Threads  one.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/status.h"
#include "coordinator/core/core.h"
#include "coordinator/service/agent_links.h"
#include "coordinator/service/answers/answers.h"
#include "coordinator/service/pool.h"
#include "coordinator/service/pools/backend.h"
#include "coordinator/service/telemetry.h"
#include "coordinator/service/turns.h"
#include "coordinator/store/store.h"
#include "coordinator/wire/transport.h"

namespace tagalign::service {

/// A snapshot costs as much as the jobs that it holds: it comes after as many facts as there are
/// jobs, and not before this many.
inline constexpr std::uint64_t kFactsPerSnapshotMin = 10'000;

struct ServiceParts {
  Clock& clock;
  FileSystem& files;
  wire::ServerSocket& socket;
  store::Store& store;
  Pool& pool;
  ServiceIdentity identity;
  std::uint64_t facts_per_snapshot_min = kFactsPerSnapshotMin;
  PoolBackend* pools = nullptr;  ///< of the pools that people add; nullptr: none can be added
  core::Policy policy = {};
};

class Service {
 public:
  explicit Service(const ServiceParts& parts);

  /// Takes the state from the store. Once, before the first step.
  Status restore();
  /// One round: waits at most `wait_ms` for a message, then takes all that are there.
  Status step(std::int64_t wait_ms);
  /// restore(), then rounds until a StopRequest was carried out or `stop` is set. With `stop`
  /// agents and gangs run on, to be taken over by the next coordinator.
  Status run(const std::atomic<bool>& stop);
  /// A StopRequest was carried out: gangs and agents have ended, or had their time.
  bool finished();

  const core::State& state() const { return state_; }

 private:
  struct PendingReply {
    std::string peer;
    wire::ProvenKey key;
    wire::ClientRequest request;
    bool needs_commit = false;
  };
  /// What one round collects before it commits.
  struct Round {
    std::vector<core::Fact> facts;
    std::vector<core::Effect> effects;
    std::vector<PendingReply> replies;
    std::set<AgentId> hellos;
    std::vector<AgentId> lost;
  };

  void take_frame(Round& round, const wire::IncomingFrame& incoming);
  void hear_client(Round& round, const wire::IncomingFrame& incoming);
  void take_client(Round& round, const wire::IncomingFrame& incoming);
  void take_request(Round& round, const wire::IncomingFrame& incoming, wire::ClientRequest request);
  Status take_pool_request(Round& round, const wire::PoolAddRequest& request);
  Status take_pool_request(Round& round, const wire::PoolVerbRequest& request);
  Status take_jobs_change(Round& round, wire::JobsChangeRequest& request);
  Status take_submission(Round& round, const wire::SubmitRequest& request);
  void take(Round& round, const std::string& peer, const wire::AgentHello& hello);
  void take(Round& round, const std::string& peer, const wire::AgentEvents& events);
  void take(Round& round, const std::string& peer, const wire::AgentHeartbeat& heartbeat);
  static void drop_effects(Round& round, const AgentId& agent);
  void decide(Round& round, core::InputBody body);
  void add_timers(Round& round);
  UnixMs now_ms();

  Status load();
  Status commit(const Round& round);
  Status give_up(const Round& round, const Status& why);
  void act(const Round& round);
  void perform(const core::Send& effect) { send(effect.agent, effect.message); }
  void perform(const core::Acknowledge&) {}
  void perform(const core::Alert& effect);
  void perform(const core::ClosePools&) { parts_.pool.stop(); }
  void perform(const core::AskSlurm& effect) { parts_.pools->ask(effect); }
  void perform(const core::StartSshAgent& effect) { parts_.pools->start(effect); }
  void perform(const core::EndSshAgent& effect) { parts_.pools->end(effect); }
  void answer_all(const std::vector<PendingReply>& replies);
  void save_snapshot();

  bool gangs_are_gone() const;
  void send(const AgentId& agent, const wire::ToAgent& message);
  void ask_for_hello(const std::string& peer);
  void reply(const std::string& peer, const wire::ProvenKey& key, const wire::ClientReply& message);

  ServiceParts parts_;
  core::State state_;
  core::Mind mind_;
  Telemetry telemetry_;
  AgentLinks links_;
  std::set<std::string> refused_;  ///< keys that sent what is not theirs to send
  Turns turns_;
  UnixMs started_ms_ = 0;
  UnixMs time_base_ms_ = 0;  ///< the core's time minus the monotonic clock
  bool store_failing_ = false;
  bool uncommitted_ = false;         ///< state_ holds facts that the store refused: read it again
  MonotonicMs timers_again_ms_ = 0;  ///< until then time alone is no reason to commit
  bool stop_asked_ = false;  ///< of this process; a stop without it is an earlier one cut short
  std::optional<MonotonicMs> stop_seen_ms_;
  std::uint64_t snapshot_at_ = 0;  ///< number of the newest fact that a snapshot holds
};

}  // namespace tagalign::service
