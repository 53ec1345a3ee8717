/// Work that several processes divide among themselves, piece by piece.
#pragma once

#include <cstddef>
#include <functional>

namespace tagalign::data {

/// What one of `world` processes does. Which pieces there are does not depend on it, so that any
/// number of processes makes the same files.
struct WorkShare {
  std::size_t rank = 0;
  std::size_t world = 1;

  bool takes(std::size_t piece) const { return piece % world == rank; }
  /// Of `pieces`, how many.
  std::size_t count(std::size_t pieces) const { return (pieces + world - 1 - rank) / world; }
};

/// True when the work shall be left; what is unfinished is then done by a later call.
using StopCheck = std::function<bool()>;

}  // namespace tagalign::data
