/// The daemon's loop: messages and time become events, events are committed, then applied, then
/// acted upon.
///
/// Order    nothing is computed on the core's state before its event is in the store: a round
///          collects events, appends them in one transaction, applies them and carries out the
///          effects. A crash between any two of these steps replays to the same state, and agents
///          are asked again for whatever was not said.
/// Failure  a full disk refuses the round's submissions with the store's message and leaves the
///          agents' events unacknowledged, so that they come again; the loop goes on. Other
///          failures of the store end run().
/// Owns     nothing of what it is given; all references must outlive it.
/// Threads  one.
#pragma once

#include <atomic>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/status.h"
#include "coordinator/core/core.h"
#include "coordinator/protocol/transport.h"
#include "coordinator/service/agent_links.h"
#include "coordinator/service/answers.h"
#include "coordinator/service/pool.h"
#include "coordinator/service/telemetry.h"
#include "coordinator/store/store.h"

namespace tagalign::service {

struct ServiceParts {
  Clock& clock;
  FileSystem& files;
  protocol::ServerSocket& socket;
  store::Store& store;
  Pool& pool;
  ServiceIdentity identity;
};

class Service {
 public:
  explicit Service(const ServiceParts& parts);

  /// Replays the store. Once, before the first step.
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
    protocol::ClientRequest request;
    bool needs_commit = false;
  };
  /// What one round collects before it commits.
  struct Round {
    std::vector<core::Event> events;
    std::vector<PendingReply> replies;
    std::set<std::string> tokens;                ///< of submissions in `events`
    std::map<AgentId, std::uint64_t> sequences;  ///< newest event of each agent in `events`
    std::set<AgentId> duplicates;                ///< agents that sent what is committed already
    std::set<AgentId> hellos;
  };

  void take_frame(Round& round, const protocol::IncomingFrame& incoming);
  void take_request(Round& round, const std::string& peer, protocol::ClientRequest request);
  std::optional<Status> add_submission(Round& round, const protocol::SubmitRequest& request);
  void take(Round& round, const std::string& peer, const protocol::AgentHello& hello);
  void take(Round& round, const std::string& peer, const protocol::AgentEvents& events);
  void take(Round& round, const std::string& peer, const protocol::AgentHeartbeat& heartbeat);
  void add_event(Round& round, core::EventBody body);
  void add_timers(Round& round);
  UnixMs now_ms();

  Status commit(Round& round);
  void refuse(const Round& round, const Status& why);
  void apply_all(const Round& round);
  void acknowledge_duplicates(const Round& round);
  void answer_all(const Round& round);

  void begin_stop(bool kill_gangs);
  void tell_shutdown(const AgentId& agent);
  bool gangs_are_gone() const;
  void send(const AgentId& agent, const protocol::ToAgent& message);
  void ask_for_hello(const std::string& peer);
  void reply(const std::string& peer, const protocol::ClientReply& message);

  struct Stopping {
    bool kill_gangs = false;
    MonotonicMs since_ms = 0;
  };

  ServiceParts parts_;
  core::State state_;
  Telemetry telemetry_;
  AgentLinks links_;
  UnixMs started_ms_ = 0;
  UnixMs time_base_ms_ = 0;  ///< the core's time minus the monotonic clock
  bool store_failing_ = false;
  std::optional<Stopping> stopping_;
  std::set<std::pair<JobId, Attempt>>
      withheld_;  ///< launches decided while stopping: for the next start
};

}  // namespace tagalign::service
