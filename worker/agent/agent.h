/// A node agent: owns the processes of the gangs on its node, and tells the coordinator what
/// becomes of them.
///
/// The coordinator may come and go: gangs run on, and what they report waits in the spool. An
/// attempt is launched at most once (journal.h), and its AttemptEnded is sent only when none of its
/// processes is left.
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
#include "coordinator/protocol/messages.h"
#include "coordinator/protocol/transport.h"
#include "worker/agent/gang.h"
#include "worker/agent/gang_command.h"
#include "worker/agent/journal.h"
#include "worker/agent/process_host.h"
#include "worker/agent/spool.h"

namespace tagalign::agent {

/// What an agent is made of. References are borrowed and must outlive it.
struct AgentParts {
  protocol::AgentHello
      identity;  ///< agent, incarnation, host, slots, gpus, pid; the rest is filled in
  std::vector<std::string> gpus;  ///< device names for CUDA_VISIBLE_DEVICES
  Path folder;                    ///< spool and journal; the caller holds its lock
  GangEnvironment environment;    ///< gpus is filled in for every gang
  protocol::ClientSocket& coordinator;
  protocol::ServerSocket& ranks;
  ProcessHost& processes;
  FileSystem& files;
  Clock& clock;
};

/// One thread. Nothing blocks longer than a tick, apart from fsync.
class Agent {
 public:
  /// Reads spool and journal, kills what a previous life left running and spools the ends of its
  /// attempts.
  static Result<std::unique_ptr<Agent>> create(const AgentParts& parts);

  /// One round of the loop, at most kTickMs long when nothing happens.
  void step();
  /// Gangs save and leave (or are killed after limits::kSaveAndLeaveMsMax), then the agent is
  /// finished.
  void request_shutdown(const std::string& reason);
  /// After a shutdown: nothing runs, and all events are acknowledged or limits::kRequestTimeoutMs
  /// have passed.
  bool finished();

  static constexpr int kTickMs = 20;

 private:
  struct RunningGang {
    Gang gang;
    ProcessName launcher;
    std::set<std::string> peers;             ///< sockets of its ranks
    std::optional<std::string> save_reason;  ///< also told to ranks that say hello later
    std::vector<std::string> gpus;
  };
  /// What one rank socket has sent; acknowledgements count its events from 1.
  struct PeerState {
    std::uint64_t events = 0;
    std::uint64_t acknowledged = 0;
    std::string last_body;  ///< an event that is sent again is recognised by its bytes
  };
  struct PendingEvent {
    protocol::AgentEvent event;
    std::string peer;  ///< rank to acknowledge to; may be empty
    std::uint64_t number = 0;
  };

  Agent(const AgentParts& parts, Spool spool, Journal journal);
  Status bury_previous_life();
  Status kill_leftovers(const std::string& mark);

  void drain_ranks();
  void drain_coordinator();
  void on_rank(const std::string& peer, const std::string& body, const protocol::FromRank& message);
  void on_rank_event(const std::string& peer, const std::string& body, protocol::AgentEvent event);
  std::optional<std::uint64_t> number_event(const std::string& peer, const std::string& body);
  void acknowledge_rank(const std::string& peer, std::uint64_t number);
  void send_to_rank(const std::string& peer, const protocol::ToRank& message);
  RunningGang* find_gang(JobId job, Attempt attempt);

  void on_launch(const protocol::Launch& launch);
  bool end_older_attempt(const AttemptKey& key);
  Status launch_gang(const protocol::Launch& launch);
  void on_stop(const protocol::StopAttempt& stop);
  void save_and_leave(RunningGang& gang, const std::string& reason);
  std::vector<std::string> free_gpus(int count) const;

  void supervise();
  void supervise_gang(RunningGang& gang);
  bool is_over(RunningGang& gang);
  void clear_scratch(const Path& folder);
  void end_attempt(protocol::AttemptEnded ended);

  void flush_pending();
  void send_hello();
  void send_events();
  void send_heartbeat();
  std::vector<AttemptKey> known_attempts() const;

  AgentParts parts_;
  Spool spool_;
  Journal journal_;
  std::map<AttemptKey, RunningGang> gangs_;
  std::map<std::string, PeerState> peers_;
  std::deque<PendingEvent> pending_;  ///< not yet in the spool: the disk is full, or this round's
  std::set<AttemptKey> to_close_;     ///< ends that are spooled, but still open in the journal
  MonotonicMs spool_retry_ms_ = 0;
  std::uint64_t sent_sequence_ = 0;
  MonotonicMs events_sent_ms_ = 0;
  MonotonicMs heartbeat_sent_ms_ = 0;
  bool hello_due_ = true;
  std::optional<std::string> shutdown_reason_;
  MonotonicMs shutdown_ms_ = 0;
  std::optional<MonotonicMs> idle_since_ms_;
};

}  // namespace tagalign::agent
