/// What every implementation of CollectiveGroup must do, as one body that tests run on each rank.
#pragma once

#include <gtest/gtest.h>

#include "worker/collectives/collective_group.h"

namespace tagalign::collectives {

/// Values of a rank that make the order of addition visible in the last bits.
std::vector<float> uneven_values(int rank, std::size_t count);
/// The sum over `world` ranks of uneven_values(), added in rank order.
std::vector<float> ordered_sum(int world, std::size_t count);

/// All verbs, several sizes, twice. Every rank of the group calls it, each from its own thread.
void check_all_verbs(CollectiveGroup& group);

}  // namespace tagalign::collectives
