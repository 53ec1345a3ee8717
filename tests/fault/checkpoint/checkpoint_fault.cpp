// What fault.py kills and asks: real ranks that save one step after the other, and a fresh process
// that loads what they left.
//     checkpoint_fault ranks FOLDER WORLD FIRST LAST ATTEMPT    "ranks PID…", then "saved STEP" of each
//     checkpoint_fault check FOLDER                             what was loaded, as JSON
#include <unistd.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>

#include "base/format.h"
#include "base/json_text.h"
#include "checkpoint/keep.h"
#include "checkpoint/load.h"
#include "tests/support/ranks/forked_ranks.h"
#include "tests/support/ranks/stepped_state.h"

namespace tagalign {
namespace {

using checkpoint::Coordination;
using testing_support::SteppedState;

constexpr std::uint64_t kStateBytes = 3'000'000;  // several blocks in each tensor and shard
constexpr int kKept = 3;

/// In one piece, so that it is there or not when the process is killed.
void say(const std::string& line) {
  if (::write(STDOUT_FILENO, line.data(), line.size()) != static_cast<ssize_t>(line.size()))
    ::_exit(4);
}

int complain(const Status& status) {
  const std::string line = status.to_string() + "\n";
  (void)!::write(STDERR_FILENO, line.data(), line.size());
  return status.code() == ErrorCode::kPeerLost ? 3 : 1;
}

struct Plan {
  Path folder;
  std::uint64_t first = 0, last = 0;
  checkpoint::Lease lease;
};

/// The state moves on while its copy is written, as in a training that does not wait.
Status save_steps(const Plan& plan, const Coordination& seat) {
  FileSystem& files = posix_file_system();
  SteppedState state(seat.rank, seat.world, kStateBytes);
  checkpoint::Saver saver(files, {plan.folder, plan.lease}, seat.rank, seat.world);
  state.become(plan.first);
  for (std::uint64_t step = plan.first; step <= plan.last; ++step) {
    TA_RETURN_IF_ERROR(saver.begin(state.views(), SteppedState::position(step)));
    saver.settle();
    state.become(step + 1);
    TA_ASSIGN_OR_RETURN(const auto manifest, saver.finish(seat.all_gather));
    if (!manifest) return internal_error("finish() gave no manifest");
    say(format("saved {}\n", step));
    if (seat.rank == 0) TA_RETURN_IF_ERROR(checkpoint::retain(files, plan.folder, {.last = kKept}));
  }
  return ok_status();
}

int run_ranks(const Plan& plan, int world) {
  const auto lease = take_lease(posix_file_system(), plan.folder, plan.lease);
  if (!lease.ok()) return complain(lease.status());
  const auto pids = testing_support::fork_ranks(world, [&](const Coordination& seat) {
    const Status status = save_steps(plan, seat);
    return status.ok() ? 0 : complain(status);
  });
  if (!pids.ok()) return complain(pids.status());
  std::string line = "ranks";
  for (const pid_t pid : *pids) line += format(" {}", pid);
  say(line + "\n");
  int code = 0;
  for (const ExitStatus& end : testing_support::wait_for(*pids)) {
    if (end.code == 1) code = 1;  // neither killed nor left alone
  }
  return code;
}

int check(const Path& folder) {
  const auto newest = checkpoint::load_newest(posix_file_system(), folder);
  nlohmann::json answer = {{"step", nullptr}, {"equal", false}, {"refused", ""}};
  answer["skipped"] = nlohmann::json::array();
  if (!newest.ok()) answer["refused"] = newest.status().to_string();
  if (newest.ok()) {
    for (const auto& skipped : newest->skipped)
      answer["skipped"].push_back(skipped.reason.to_string());
  }
  if (newest.ok() && newest->found) {
    const auto& position = newest->manifest.position;
    const auto expected = SteppedState::position(position.step);
    answer["step"] = position.step;
    answer["equal"] = SteppedState::is_state(newest->tensors, position.step, kStateBytes) &&
                      position.samples == expected.samples && position.scalars == expected.scalars;
  }
  say(json_text(answer) + "\n");
  return 0;
}

}  // namespace
}  // namespace tagalign

int main(int count, char** words) {
  const std::string verb = count > 1 ? words[1] : "";
  if (verb == "check" && count == 3) return tagalign::check(words[2]);
  if (verb == "ranks" && count == 7) {
    const auto number = [&](int at) { return std::strtoull(words[at], nullptr, 10); };
    return tagalign::run_ranks({.folder = words[2],
                                .first = number(4),
                                .last = number(5),
                                .lease = {"fault", 1, static_cast<std::uint32_t>(number(6))}},
                               static_cast<int>(number(3)));
  }
  return 2;
}
