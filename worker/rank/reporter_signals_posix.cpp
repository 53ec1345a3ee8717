#include "worker/rank/reporter_signals_posix.h"

#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

#include <atomic>

#include "base/format.h"

namespace tagalign::jobs {
namespace {

std::atomic<int> received{0};

void on_signal(int signal) {
  received.store(signal, std::memory_order_relaxed);
}

}  // namespace

void catch_stop_signals() {
  struct sigaction action = {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  for (const int signal : {SIGTERM, SIGUSR1, SIGUSR2}) ::sigaction(signal, &action, nullptr);
}

std::optional<std::string> stop_signal_received() {
  const int signal = received.load(std::memory_order_relaxed);
  if (signal == 0) return std::nullopt;
  return format("signal {} (SIG{})", signal, ::sigabbrev_np(signal));
}

void die_with_launcher() {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
}

}  // namespace tagalign::jobs
