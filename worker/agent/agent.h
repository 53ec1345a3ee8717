/// A node agent: owns the processes of the gangs on its node, and tells the coordinator what
/// becomes of them. Here is one round of its loop; what it does with the machine is in gangs.h,
/// with its peers in rank_link.h and coordinator_link.h, with its disk in journal.h.
///
/// The coordinator may come and go: gangs run on, and what they report waits in the journal. An
/// attempt is launched at most once, and its AttemptEnded is sent only when none of its
/// processes is left. A launch that does not fit beside the gangs that still end waits for
/// them. All that a round must keep is written with one sync, before anything of it
/// is sent, acknowledged or launched.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/status.h"
#include "coordinator/wire/messages.h"
#include "coordinator/wire/transport.h"
#include "worker/agent/coordinator_link.h"
#include "worker/agent/gangs/gang_command.h"
#include "worker/agent/gangs/gangs.h"
#include "worker/agent/gangs/process_host.h"
#include "worker/agent/journal/journal.h"
#include "worker/agent/rank_link.h"

namespace tagalign::agent {

/// What an agent is made of. References are borrowed and must outlive it.
struct AgentParts {
  wire::AgentHello identity;  ///< agent, incarnation, host, slots, gpus, pid; the rest is filled in
  std::vector<std::string> gpus;  ///< device names for CUDA_VISIBLE_DEVICES
  Path folder;                    ///< of the journal; the caller holds its lock
  GangEnvironment environment;    ///< gpus is filled in for every gang
  wire::ClientSocket& coordinator;
  wire::ServerSocket& ranks;
  ProcessHost& processes;
  FileSystem& files;
  Clock& clock;
};

/// One thread. Nothing blocks longer than a tick, apart from fsync.
class Agent {
 public:
  /// Reads the journal, kills what a previous life left running and keeps the ends of its attempts.
  static Result<std::unique_ptr<Agent>> create(const AgentParts& parts);

  /// One round of the loop: waits for messages and ends of processes, at most kTickMs long, and
  /// not at all for sockets without a descriptor.
  void step();
  /// Gangs save and leave, or are killed after `grace_ms` and limits::kSaveAndLeaveMsMax at least;
  /// then the agent is finished.
  void request_shutdown(const std::string& reason, std::int64_t grace_ms = 0);
  /// After a shutdown: nothing runs, and all events are acknowledged
  /// or limits::kRequestTimeoutMs have passed.
  bool finished();

  static constexpr int kTickMs = 50;

 private:
  struct PendingEvent {
    wire::AgentEvent event;
    std::string peer;  ///< rank to acknowledge to; may be empty
    std::uint64_t number = 0;
    MonotonicMs due_ms = 0;  ///< until then it waits for others to be written with
  };

  Agent(const AgentParts& parts, Journal journal);
  Status end_leftovers();

  std::vector<int> wait();
  void receive_from_ranks();
  void take(const RankMessage& message);
  void tell_to_leave(const std::vector<std::string>& peers, const std::string& reason);

  void receive_from_coordinator();
  void on_launch(const wire::Launch& launch);
  bool take_launch(const wire::Launch& launch);
  void take_waiting();
  int slots_here(const wire::Launch& launch) const;
  void want_daemon(const RankMessage& message, wire::DaemonWanted wanted);
  void start_daemons();
  void tell_ranks();
  void note_started(const AttemptKey& key, const ProcessName& launcher);
  void refuse_launch(const AttemptKey& key);
  void refuse_older_launch(const AttemptKey& key);
  bool has_room(const wire::Launch& launch);
  void refuse(const AttemptKey& key, wire::Outcome outcome, std::string message);
  void on_stop(const wire::StopAttempt& stop);

  void supervise();
  bool commit_is_due() const;
  void commit();
  void launch_gang(const wire::Launch& launch);

  AgentParts parts_;
  Journal journal_;
  Gangs gangs_;
  RankLink ranks_;
  CoordinatorLink coordinator_;
  std::map<AttemptKey, wire::Launch> launches_;  ///< of this round, not yet in the journal
  std::set<AttemptKey> refused_;                 ///< not in the journal yet; their ends are pending
  std::map<AttemptKey, wire::Launch> waiting_;   ///< for slots, or for an older attempt to end
  std::map<AttemptKey, wire::StartDaemon> daemons_;  ///< their launch may still be on its way
  std::deque<PendingEvent> pending_;                 ///< not in the journal yet
  MonotonicMs commit_after_ms_ = 0;                  ///< the disk was full
  std::optional<std::string> shutdown_reason_;
  MonotonicMs kill_ms_ = 0;  ///< what still runs after a shutdown was requested
  MonotonicMs beat_ms_ = 0;  ///< the ranks were last told that this agent lives
  std::optional<MonotonicMs> idle_since_ms_;
};

}  // namespace tagalign::agent
