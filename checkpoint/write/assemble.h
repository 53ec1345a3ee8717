/// From what each rank has written to what the manifest says. Pure.
#pragma once

#include <vector>

#include "base/status.h"
#include "checkpoint/format/manifest.h"
#include "checkpoint/write/report.h"

namespace tagalign::checkpoint {

/// `shards` in rank order. kInvalidArgument names the tensor when ranks disagree on it, and the
/// elements that no rank has written, or two.
Result<ManifestContent> assemble(const RunPosition& position,
                                 const std::vector<ShardReport>& shards);

}  // namespace tagalign::checkpoint
