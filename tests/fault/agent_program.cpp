// Runs serve_agent() as a process of its own, to be killed: agent_program STATE WORKER MPIRUN GPUS.
#include <cstdlib>

#include "worker/agent/run_agent.h"

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  return tagalign::agent::run_agent({.id = "node1",
                                     .state_folder = argv[1],
                                     .connection = {},
                                     .folder = {},
                                     .slots = 4,
                                     .gpus = std::atoi(argv[4]),
                                     .place = {},
                                     .interface = {},
                                     .worker = argv[2],
                                     .mpirun = argv[3]});
}
