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
  f(1, s.agent);
  f(2, s.first_rank);
  f(3, s.slots);
}
template <class F, tagalign::Is<AgentPlace> T>
void fields(F& f, T& s) {
  f(1, s.pool);
  f(2, s.allocation);
  f(3, s.node);
  f(4, s.ends_ms);
  f(5, s.socket);
  f(6, s.launcher);
  f(7, s.since_ms);
}

}  // namespace wire

namespace core {

template <class F, Is<ShareEnd> T>
void fields(F& f, T& s) {
  f(1, s.agent);
  f(2, s.outcome);
  f(3, s.exit_code);
  f(4, s.failed_rank);
  f(5, s.last_step);
  f(6, s.message);
  f(7, s.at_ms);
  f(8, s.given_up);
}
template <class F, Is<ShareRan> T>
void fields(F& f, T& s) {
  f(1, s.job);
  f(2, s.agent);
}
template <class F, Is<DaemonAsked> T>
void fields(F& f, T& s) {
  f(1, s.job);
  f(2, s.agent);
  f(3, s.command);
}
template <class F, Is<ShareReopened> T>
void fields(F& f, T& s) {
  f(1, s.job);
  f(2, s.agent);
}
template <class F, Is<ShareEnded> T>
void fields(F& f, T& s) {
  f(1, s.job);
  f(2, s.end);
}
}  // namespace core
}  // namespace tagalign
