/// All gangs that run on this node: their processes, devices and files. gang.h judges one of them;
/// here is what touches the machine.
///
/// Owns     every process that carries the agent's mark, and the scratch folders of the gangs.
///          Borrows what GangsParts refers to.
/// Failure  a launch that fails leaves no process; an end is only told when no process is left, but
///          for ranks that stay: the gangs whose jobs have ended well are idle (gangs_idle.cpp).
/// Threads  one, which must live as long as the processes.
#pragma once

#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/status.h"
#include "coordinator/wire/messages.h"
#include "worker/agent/gangs/gang.h"
#include "worker/agent/gangs/gang_command.h"
#include "worker/agent/gangs/process_host.h"
#include "worker/agent/gangs/start_key.h"
#include "worker/exec/report_file.h"

namespace tagalign::agent {

struct GangsParts {
  AgentId agent;
  int slots = 1;                  ///< that the agent offers
  std::vector<std::string> gpus;  ///< device names for CUDA_VISIBLE_DEVICES, dealt out to the slots
  GangEnvironment environment;    ///< gpus is filled in for every gang
  ProcessHost& processes;
  FileSystem& files;
  Clock& clock;
};

/// What became of the gangs since they were last looked at.
struct GangChanges {
  std::vector<wire::AgentEvent> events;
  std::vector<std::string> gone_peers;  ///< sockets of ranks that are no more
  std::vector<std::string> hung_peers;  ///< sockets of ranks that shall show their stacks
  /// Handed to ranks that ended before they had begun with it: nothing is left of it, to be launched.
  std::vector<wire::Launch> given_back;
};

/// What runs a launch from now on.
struct Launched {
  ProcessName launcher;  ///< of nothing where nothing was started
  /// Sockets of ranks that shall hear of it (next_job_of()); none where its ranks start with it.
  std::vector<std::string> waiting_peers;
};

class Gangs {
 public:
  explicit Gangs(GangsParts parts) : parts_(std::move(parts)) {}

  /// Kills what an earlier life of the agent left running.
  Status end_leftovers(const std::map<AttemptKey, ProcessName>& launchers);
  /// Hands it to an idle gang; else starts the launcher if this is the head; else makes ready for
  /// what the head's launcher will start here. Requires that no gang of the job runs, and that its
  /// slots are free or held by that idle gang.
  Result<Launched> launch(const wire::Launch& launch);
  /// mpirun's daemon of a gang whose head is elsewhere. nullopt when it runs already, or when there
  /// is no such gang.
  Result<std::optional<ProcessName>> start_daemon(const wire::StartDaemon& wanted);
  /// To the ranks of all gangs: this agent lives.
  std::vector<std::string> peers() const;

  /// Numbers of the slots whose processes are not all gone.
  std::set<int> held_slots() const;
  /// The same for `launch`, but for slots of an idle gang that can take it. An idle gang that is in
  /// its way is ended.
  std::set<int> slots_held_against(const wire::Launch& launch);
  /// They have nothing to wait for any more.
  void end_idle();
  bool empty() const { return gangs_.empty() && idle_.empty(); }
  bool contains(const AttemptKey& key) const { return gangs_.contains(key); }
  /// nullptr when no such gang runs here.
  const wire::Launch* launch_of(const AttemptKey& key) const;
  /// Two attempts must not write side by side: true while an older one still ends.
  bool end_older_attempt(const AttemptKey& key);
  void kill(const AttemptKey& key, const std::string& reason);
  void kill_all(const std::string& reason);
  /// Peers that are to hear it; none when the gang was asked before.
  std::vector<std::string> save_and_leave(const AttemptKey& key, const std::string& reason);
  std::vector<std::string> save_and_leave_all(const std::string& reason);

  /// The reason, when the gang was asked to save and leave before this rank said hello.
  std::optional<std::string> on_hello(const std::string& peer, const wire::RankHello& hello);
  void on_beat(const wire::RankBeat& beat);
  void on_farewell(const wire::RankFarewell& farewell);
  void on_process_gone(int pid, MonotonicMs now_ms);

  GangChanges supervise();

  std::vector<wire::RankHello> hellos() const;
  std::vector<wire::RankBeat> beats() const;

 private:
  /// What is kept of an exec job. Where no rank of it speaks, its reports are read here.
  struct ExecJob {
    config::ExecConfig config;
    exec::ReportFile reports;
    MonotonicMs look_ms = 0;  ///< the next look at its reports
  };
  struct RunningGang {
    Gang gang;
    ProcessName launcher;
    std::set<std::string> peers;             ///< sockets of its ranks
    std::optional<std::string> save_reason;  ///< also told to ranks that say hello later
    GangEnvironment environment;
    MonotonicMs scan_after_ms = 0;  ///< the next look for processes that are left
    std::optional<ExecJob> exec;
    MonotonicMs leave_until_ms = 0;  ///< what a plain process started may save until then
    std::optional<StartKey> start_key = {};
    AttemptKey born = {};  ///< its processes began as: what they and their files are marked with
    std::optional<MonotonicMs> hello_until_ms = {};  ///< of ranks that were there before
  };
  /// Ranks that wait for another job. The agent alone knows them: no attempt is theirs.
  struct IdleGang {
    RunningGang last;  ///< what they did
    MonotonicMs until_ms = 0;
    bool is_ending = false;
    bool launcher_ended = false;
  };

  Status kill_marked(const std::string& mark);
  Status write(const Path& path, std::string_view text);
  Status prepare_files(const wire::Launch& launch, const GangEnvironment& environment);
  Result<ProcessName> start_launcher(const wire::Launch& launch,
                                     const GangEnvironment& environment);
  Status prepare_log(const wire::Launch& launch);
  // gangs_idle.cpp
  IdleGang* idle_for(const std::optional<StartKey>& key);
  Result<Launched> hand_over(const wire::Launch& launch, IdleGang& idle);
  void become_idle(RunningGang running);
  void end_idle(IdleGang& idle, std::string_view why);
  bool idle_is_gone(IdleGang& idle, GangChanges& changes);
  void supervise_idle(GangChanges& changes);
  void end_unanswered(RunningGang& running);
  static bool has_not_begun(const RunningGang& running);
  // gangs_exec.cpp
  Result<std::optional<ExecJob>> exec_job(const wire::Launch& launch);
  Result<ProcessName> start_plain(const wire::Launch& launch, const GangEnvironment& environment,
                                  const config::ExecConfig& config);
  void ask_plain_to_leave(RunningGang& running);
  void hear_reports(RunningGang& running, std::vector<wire::AgentEvent>& events);
  static void check_outputs(const RunningGang& running, wire::AttemptEnded& ended);
  Status write_rank_hosts(const wire::Launch& launch);
  Status write_seat(const wire::Launch& launch, const GangEnvironment& environment);
  std::vector<std::string> gpus_of(const Part& part) const;
  RunningGang* find(JobId job, Attempt attempt);
  std::string mark_of(const RunningGang& running) const;
  std::optional<wire::AgentEvent> supervise_one(RunningGang& running, GangChanges& changes);
  void report_hang(const RunningGang& running);
  void debug_silent_ranks(RunningGang& running);
  void say_more(const RunningGang& running, wire::AttemptEnded& ended);
  bool is_over(RunningGang& running);
  void conclude(RunningGang& running, GangChanges& changes);
  void clear_after(const RunningGang& running);
  void clear_scratch(const Path& folder);

  GangsParts parts_;
  std::map<AttemptKey, RunningGang> gangs_;
  std::list<IdleGang> idle_;
};

}  // namespace tagalign::agent
