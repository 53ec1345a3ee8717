/// Slurm's programs as the coordinator's process calls them: they answer late, refuse, are cut off
/// when all is done or nothing, and print a part of it.
///
/// Owns     what the process knows of its call, which ends with it: the call may be carried out all
///          the same. Borrows Slurm.
/// Checks   that one call is on its way at a time, and that nothing is cancelled that is another's,
///          that shall stay, or that works for a job.
/// Threads  one.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "coordinator/service/pools/backend.h"
#include "tests/simulation/slurm/slurm.h"

namespace tagalign::simulation {

class SlurmCalls final : public service::PoolBackend {
 public:
  /// What the coordinator knows, asked while it makes a call.
  using Knowledge = std::function<const core::State&()>;
  SlurmCalls(World& world, Slurm& slurm, Knowledge knowledge)
      : world_(world), slurm_(slurm), knowledge_(std::move(knowledge)) {}

  void ask(const core::AskSlurm& effect) override;
  void start(const core::StartSshAgent& effect) override;
  void end(const core::EndSshAgent& effect) override;
  std::vector<service::PoolNews> news() override { return std::exchange(news_, {}); }

 private:
  struct Call;

  void check_alone();
  void check_cancel(const core::CancelCall& call);
  void check_cancel(const core::State& state, const core::PoolRecord& pool,
                    const core::Allocation& allocation);
  void draw(Call& call);
  void settle(const Call& call);

  World& world_;
  Slurm& slurm_;
  Knowledge knowledge_;
  const std::shared_ptr<int> process_ = std::make_shared<int>();  ///< expires with it
  std::shared_ptr<Call> on_its_way_;
  std::vector<service::PoolNews> news_;
};

}  // namespace tagalign::simulation
