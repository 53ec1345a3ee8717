/// Which numbers an evaluation of this code gives.
#pragma once

namespace tagalign::jobs {

/// Part of every result's content key: results of one revision may be compared and reused, whatever
/// commit computed them. Raised by every change that moves an integer of any evaluation;
/// evaluation_revision_test holds the counts of each revision and fails when they move.
inline constexpr int kEvaluationRevision = 3;

/// The same of bf16 alone, whose integers differ between processors, so that no test can hold
/// them: a setting of every result in bf16. 2: the frozen CLIP may attend by products, and
/// LayerNorm reads bf16 as it is.
inline constexpr int kBf16Revision = 2;

}  // namespace tagalign::jobs
