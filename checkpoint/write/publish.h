/// How a folder of shards becomes a checkpoint: rank 0's part of a save. See format.md, "Writing".
#pragma once

#include "base/file_system.h"
#include "base/status.h"
#include "checkpoint/format/manifest.h"
#include "checkpoint/save.h"

namespace tagalign::checkpoint {

/// Compares the lease and removes what crashed saves left behind, but not `temporary`: other ranks
/// may be writing there already.
Status prepare_folder(FileSystem& files, const SaveOptions& options, const Path& temporary);

/// `content` tells of the shards that lie in `temporary`, synced. The manifest as it lies there
/// afterwards: of an equal state that was there before, that one's.
Result<Manifest> publish(FileSystem& files, const SaveOptions& options, const Path& temporary,
                         const ManifestContent& content);

}  // namespace tagalign::checkpoint
