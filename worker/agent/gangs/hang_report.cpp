#include "worker/agent/gangs/hang_report.h"

#include "base/format.h"

namespace tagalign::agent {

std::string hang_text(const Gang& gang, ProcessHost& processes) {
  std::string text = gang.notice_of_cause().text + "\n\n";
  for (const wire::RankBeat& beat : gang.beats()) {
    text += format("rank {}: {}; {} collectives, {}{}{}\n", beat.rank, beat.activity,
                   beat.collectives, beat.collective.empty() ? "in none" : "in " + beat.collective,
                   beat.reading.empty() ? "" : ", reading ", beat.reading);
  }
  for (const wire::RankHello& hello : gang.hellos()) {
    text += format("\nrank {} (pid {})\n{}", hello.rank, hello.pid, processes.describe(hello.pid));
  }
  const auto debugger = processes.debugger();
  return text +
         (debugger
              ? format("\nranks that write no stacks themselves: by {}, in their rank-N.stacks\n",
                       debugger->string())
              : "\nranks that write no stacks themselves: unknown, because PATH has no gdb and no "
                "eu-stack\n");
}

}  // namespace tagalign::agent
