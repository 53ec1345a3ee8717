/// Which numbers an evaluation of this code gives.
#pragma once

namespace tagalign::jobs {

/// Part of every result's content key: results of one revision may be compared and reused, whatever
/// commit computed them. Raised by every change that moves an integer of any evaluation;
/// evaluation_revision_test holds the counts of each revision and fails when they move.
inline constexpr int kEvaluationRevision = 3;

}  // namespace tagalign::jobs
