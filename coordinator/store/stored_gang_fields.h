/// The part of the list of stored fields (stored_fields.h) that speaks of gangs over several agents:
/// all of it since format 4. Private to coordinator/store.
#pragma once

#include "coordinator/core/facts.h"
#include "coordinator/store/tagged.h"

namespace tagalign {
namespace wire {

/// Refuses numbers that name no launcher.
inline void get(std::string_view bytes, GangLauncher& value) {
  std::uint8_t number = 0;
  store::get(bytes, number);
  value = static_cast<GangLauncher>(number);
  if (value < GangLauncher::kMpirun || value > GangLauncher::kSrun) {
    throw store::TaggedError(format("{} names no launcher", number));
  }
}

template <class F, tagalign::Is<Share> T>
void fields(F& f, T& s) {
  f(1, "agent", s.agent);
  f(2, "first_rank", s.first_rank);
  f(3, "slots", s.slots);
}
template <class F, tagalign::Is<AgentPlace> T>
void fields(F& f, T& s) {
  f(1, "pool", s.pool);
  f(2, "allocation", s.allocation);
  f(3, "node", s.node);
  f(4, "ends_ms", s.ends_ms);
  f(5, "socket", s.socket);
  f(6, "launcher", s.launcher);
  f(7, "since_ms", s.since_ms);
}

}  // namespace wire

namespace core {

template <class F, Is<ShareEnd> T>
void fields(F& f, T& s) {
  f(1, "agent", s.agent);
  f(2, "outcome", s.outcome);
  f(3, "exit_code", s.exit_code);
  f(4, "failed_rank", s.failed_rank);
  f(5, "last_step", s.last_step);
  f(6, "message", s.message);
  f(7, "at_ms", s.at_ms);
  f(8, "given_up", s.given_up);
}
template <class F, Is<ShareRan> T>
void fields(F& f, T& s) {
  f(1, "job", s.job);
  f(2, "agent", s.agent);
}
template <class F, Is<DaemonAsked> T>
void fields(F& f, T& s) {
  f(1, "job", s.job);
  f(2, "agent", s.agent);
  f(3, "command", s.command);
}
template <class F, Is<ShareReopened> T>
void fields(F& f, T& s) {
  f(1, "job", s.job);
  f(2, "agent", s.agent);
}
template <class F, Is<ShareEnded> T>
void fields(F& f, T& s) {
  f(1, "job", s.job);
  f(2, "end", s.end);
}
}  // namespace core
}  // namespace tagalign
