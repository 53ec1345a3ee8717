/// What a checkpoint says beside its tensors.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/file_system.h"

namespace tagalign::checkpoint {

/// Everything beside tensors that a run needs to go on exactly where it was.
struct RunPosition {
  std::uint64_t step = 0;     ///< optimiser steps done
  std::uint64_t samples = 0;  ///< position in the sample sequence: all of the loader's state
  std::uint64_t seed = 0;     ///< keys every random stream
  int world_size = 1;         ///< that wrote it
  int global_batch = 0;
  std::string dataset_digest;  ///< fingerprint of the data set that `samples` counts in
  std::string config_digest;   ///< of what determines the numbers
  /// The settings behind that digest, key → value; empty in checkpoints of earlier versions.
  std::map<std::string, std::string> settings;
  std::string model_digest;               ///< of the frozen weights
  std::map<std::string, double> scalars;  ///< e.g. loss scale; written with 17 digits
  bool scheduled = true;                  ///< false: saved because a stop was asked for
  std::string code;                       ///< version of the program that wrote it; empty before format 2
};

struct Manifest {
  RunPosition position;
  std::string digest;  ///< names the content: see format.md
  Path folder;
};

}  // namespace tagalign::checkpoint
