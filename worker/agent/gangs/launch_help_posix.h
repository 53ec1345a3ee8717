/// How this program helps a launcher to bring up a gang on several nodes: as the remote shell of
/// mpirun, and as what srun starts in a rank's place. Both are run by the launcher, not by people.
#pragma once

#include <string>
#include <vector>

namespace tagalign::agent {

/// `tagalign start-daemon NODE WORD…`, as mpirun calls its remote shell: has the agent of NODE run
/// the words in a shell, by way of the agent and the coordinator. Returns once the agent of this
/// node holds the request durably: 0, or 1 after saying what was wrong.
int start_daemon(const std::vector<std::string>& arguments);

/// `tagalign take-seat PROGRAM WORD…`, as srun calls it on every node: waits for what the agent of
/// this node has for its ranks, takes it into its environment and becomes the program. Returns
/// only when that fails: 93.
int take_seat(const std::vector<std::string>& arguments);

}  // namespace tagalign::agent
