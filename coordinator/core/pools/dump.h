/// The part of dump() that speaks of pools; empty where there never was one.
#pragma once

#include <string>

namespace tagalign::core {

struct State;

std::string dump_pools(const State& state);

}  // namespace tagalign::core
