/// How agents come up. The coordinator schedules onto whatever agent says hello; a pool only sees
/// to it that some do.
#pragma once

#include <string>

#include "coordinator/wire/messages.h"

namespace tagalign::service {

/// One thread: the service's. No call blocks.
class Pool {
 public:
  virtual ~Pool() = default;
  /// Notices agents that died and starts those that are missing. Called every
  /// limits::kServiceTickMs.
  virtual void tick() = 0;
  /// An agent of any origin said hello: it may be one that an earlier coordinator started.
  virtual void on_hello(const wire::AgentHello& hello) = 0;
  /// One that was connected has said nothing for limits::kAgentLostAfterMs. It may only stand still:
  /// its hello tells that it is back.
  virtual void on_silence(const AgentId&) {}
  /// From now on nothing is started.
  virtual void stop() = 0;
  /// Processes of this pool that still run.
  virtual int alive() = 0;
  /// Slots of each agent that this pool can bring; 0 when that is not known.
  virtual int slots_per_agent() const { return 0; }
};

/// Agents come by themselves: started by hand or by another scheduler.
class NoPool final : public Pool {
 public:
  void tick() override {}
  void on_hello(const wire::AgentHello&) override {}
  void stop() override {}
  int alive() override { return 0; }
};

}  // namespace tagalign::service
