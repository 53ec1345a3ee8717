/// One running attempt as its agent judges it: what the ranks said, what was seen of their
/// processes, and what follows from both. Pure: time comes in with every call, and decide() only
/// says what should be done.
///
/// The earliest cause wins. A rank that ends without a farewell was killed; a farewell with a
/// failing code is the program's fault; both are weighed by when they were seen, so that the
/// failures which one failure causes in the other ranks are not taken for the cause. mpirun's exit
/// code then refines the verdict. Of a gang over several nodes each agent judges its own part, and
/// the coordinator all of them.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/process.h"
#include "coordinator/wire/messages.h"
#include "worker/agent/gangs/gang_command.h"
#include "worker/agent/gangs/progress.h"

namespace tagalign::agent {

/// A rank that vanished may have a farewell on its way.
inline constexpr std::int64_t kFarewellGraceMs = 100;
/// Then the launcher gets so long before it is made to end: on one node mpirun would stay for 1.2 to
/// 2.1 s after its last rank (measured, Open MPI 4.1), over several it is gone sooner.
inline constexpr std::int64_t kLauncherGraceMs = 500;

/// A debugger gets so long with a rank that did not write its stacks; gdb reads the symbols of Torch.
inline constexpr std::int64_t kDebuggerMs = 5'000;

/// What the driver shall do now; each is asked for once.
struct GangActions {
  bool show_stacks = false;         ///< the gang hangs: what its ranks do is written down first
  bool kill_ranks = false;          ///< SIGKILL to the ranks: they cannot get any further
  bool terminate_launcher = false;  ///< SIGTERM to the launcher's group: it clears up behind itself
  bool kill_all = false;            ///< SIGKILL to every process of the attempt
};

class Gang {
 public:
  /// `part`: what of it runs on this node. Only the head has a launcher from the beginning.
  Gang(wire::Launch launch, Part part, MonotonicMs now_ms);

  /// The launcher on the head; mpirun's daemon on another node.
  void on_launcher_started(int pid);
  /// The ranks were asked to save and leave.
  void on_leave_request() { asked_to_leave_ = true; }

  void on_hello(const wire::RankHello& hello, MonotonicMs now_ms);
  void on_beat(const wire::RankBeat& beat, MonotonicMs now_ms);
  /// Of a plain process.
  void on_checkpoint(std::uint64_t step);
  void on_farewell(const wire::RankFarewell& farewell, MonotonicMs now_ms);
  /// `end`: what the process left behind about it (coordinator/wire/end_note.h).
  void on_process_gone(int pid, MonotonicMs now_ms, std::optional<ExitStatus> end = {});
  void on_launcher_exit(const ExitStatus& exit, MonotonicMs now_ms);
  /// SIGKILL was asked for by the coordinator, or by a shutdown that took too long.
  void on_kill_request(const std::string& reason, MonotonicMs now_ms);

  /// True once, when the ranks of a hung gang have had their time to write their stacks.
  bool stacks_are_due(MonotonicMs now_ms);
  /// They are not killed before a debugger has looked at them.
  void wait_for_debugger() { debugger_ms_ = kDebuggerMs; }
  GangActions decide(MonotonicMs now_ms);
  /// Why the gang is being ended, before its end is certain.
  wire::RankNotice notice_of_cause() const;
  /// The launcher has ended and no farewell can still be on its way: once no
  /// process is left, conclude().
  bool may_conclude(MonotonicMs now_ms) const;
  /// How the ranks of this part spent their time; nullopt where none has told.
  std::optional<wire::AttemptSpent> spent(MonotonicMs now_ms) const;
  /// `at_ms` is the wall clock's `now_ms`.
  wire::AttemptEnded conclude(UnixMs at_ms, MonotonicMs now_ms) const;
  /// The file that may tell why, and that conclude() names last; empty where the message says all.
  Path log_of_cause() const;
  /// All ranks have ended their job well, and their processes live: of an attempt whose ranks stay,
  /// nothing more is to be waited for.
  bool ranks_are_done() const;
  bool is_ending() const { return cause_.has_value(); }
  bool ends_on_request() const {
    return cause_ && cause_->outcome == wire::Outcome::kKilledOnRequest;
  }

  const wire::Launch& launch() const { return launch_; }
  int launcher_pid() const { return launcher_pid_; }
  bool launcher_ended() const { return exit_.has_value(); }
  const Part& part() const { return part_; }
  /// True when ranks and launcher were started by another process, and none of them is here yet or
  /// any more: what there is to wait for is told by the processes alone.
  bool nothing_awaited() const;
  std::vector<int> rank_pids() const;
  /// Of a process that has said hello.
  std::optional<int> rank_of(int pid) const;
  std::vector<wire::RankHello> hellos() const;
  std::vector<wire::RankBeat> beats() const;

 private:
  struct Rank {
    wire::RankHello hello;
    std::optional<wire::RankBeat> beat;
    std::optional<wire::RankFarewell> farewell;
    MonotonicMs last_word_ms = 0;
    std::optional<MonotonicMs> gone_ms;
    std::optional<ExitStatus> end;  ///< by its own note
    bool vanished() const { return gone_ms.has_value() && !farewell.has_value(); }
  };
  struct Cause {
    wire::Outcome outcome = wire::Outcome::kFailed;
    int rank = -1;
    int exit_code = 0;
    std::string message;
    std::optional<MonotonicMs> at_ms = std::nullopt;  ///< absent: known from the end alone
    bool is_gone = false;   ///< a process that is gone: the others are killed at once
    bool vanished = false;  ///< mpirun's exit code may know how the process ended
    Path log =
        {};  ///< in the attempt's folder, where nobody said more; empty: the message says all
  };

  std::optional<Cause> earliest_vanished() const;
  Cause cause_of_gone(int number, const Rank& rank) const;
  std::optional<Cause> earliest_failure() const;
  std::optional<Cause> earliest_farewell(bool (*wanted)(int code)) const;
  bool all_said_farewell() const;
  bool any_left() const;
  std::optional<Cause> silent_rank(MonotonicMs now_ms) const;
  std::optional<Cause> hung_rank(MonotonicMs now_ms) const;
  std::string stacks_of(int rank) const;  ///< the file
  void settle_cause(MonotonicMs now_ms);
  Cause verdict() const;
  Cause verdict_of_part() const;
  Cause verdict_of_plain() const;
  Cause refined_by_exit(Cause cause) const;
  Cause cause_from_exit() const;
  std::uint64_t last_step() const;

  wire::Launch launch_;
  Part part_;
  int launcher_pid_ = 0;  ///< 0: none yet
  MonotonicMs started_ms_;
  std::map<int, Rank> ranks_;
  Progress progress_;
  std::optional<Hang> hang_;  ///< with a cause: what it was ended for
  bool asked_to_leave_ = false;
  std::optional<ExitStatus> exit_;
  MonotonicMs exit_ms_ = 0;
  std::optional<Cause> cause_;
  MonotonicMs settled_ms_ = 0;
  bool stacks_were_due_ = false;
  std::int64_t debugger_ms_ = 0;
  GangActions asked_;
};

}  // namespace tagalign::agent
