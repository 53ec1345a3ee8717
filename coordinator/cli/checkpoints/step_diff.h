/// In what two checkpoints differ.
#pragma once

#include "base/file_system.h"
#include "base/status.h"
#include "checkpoint/format/manifest.h"
#include "coordinator/cli/host/output.h"

namespace tagalign::cli {

struct Sides {
  checkpoint::ManifestFile left, right;
};

/// A row for each field of the position, setting, scalar and tensor that differs; none when both hold
/// the same state. By how many ranks they were written and cut does not count. Tensors are compared
/// by the digests of their blocks; where the two were cut in different places, which no digests of
/// one fit the other's, both are read and verified.
Result<Listing> diff_page(FileSystem& files, const Sides& sides);

}  // namespace tagalign::cli
