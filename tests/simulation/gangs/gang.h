/// A simulated gang: a launcher and its ranks on one machine or several, which take steps together,
/// publish checkpoints under the lease, report, say farewell, and die in every way that we know of.
///
/// Held by shared pointer: what waits in the world's queue keeps it. One thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/simulation/gangs/part.h"

namespace tagalign::simulation {

class Gang : public std::enable_shared_from_this<Gang> {
 public:
  Gang(World& world, Program program) : world_(world), program_(std::move(program)) {}

  /// The launcher runs: it has the other nodes' daemons started, and begins when all are there.
  void begin(const std::shared_ptr<Part>& head);
  /// A daemon runs; false when it came too late.
  bool join(const std::shared_ptr<Part>& part);
  const Program& program() const { return program_; }
  bool is_over() const { return over_; }

  // what the parts tell
  void rank_ended(Part& part, ExitStatus status);
  void launcher_ended(Part& part);

 private:
  void start();
  void advance();
  void advance_later();
  bool misfortune();
  void resume(std::map<std::uint64_t, wire::CheckpointInfo>::const_iterator next);
  void train_step(bool leaving);
  void enter(wire::Phase phase);
  void publish(bool scheduled, const std::function<void()>& then);
  std::optional<wire::CheckpointInfo> commit(bool scheduled);
  void evaluate();
  void report(const wire::FromRank& event, std::function<void()> then);
  void leave(int code);
  void fail(Rank& rank, int code, const std::string& reason);
  void end_rank(Rank& rank, ExitStatus status);
  void launcher_sees(ExitStatus status);
  void finish(int code);
  void end_part(const std::shared_ptr<Part>& part, int code);
  void watch_links();
  bool linked(const Part& part) const;
  bool all_linked() const;
  bool told_to_leave() const;
  Part& head() const { return *parts_.front(); }
  Rank& first() const { return *ranks_.front(); }
  std::uint64_t step() const { return first().step; }

  World& world_;
  const Program program_;
  std::vector<std::shared_ptr<Part>> parts_;      ///< by share; empty where none has come yet
  std::vector<std::shared_ptr<Rank>> ranks_;      ///< of all parts, once all are there
  std::map<std::size_t, UnixMs> apart_since_ms_;  ///< parts that the head does not reach
  std::int64_t step_ms_max_ = 4'000;
  bool deaf_ = false;  ///< never hears that it should leave
  bool over_ = false;  ///< the launcher has seen the end, or a failure and will end the others
};

}  // namespace tagalign::simulation
