/// A folder of images seen as a shard. Internal to data/sources/.
#pragma once

#include "data/sources/archives/archive_walk.h"

namespace tagalign::data {

/// Its files at any depth, named relative to it; in each folder bytewise by name.
/// Hidden ones are left out, and what is no regular file; images among that are told at the end.
Result<WalkEnd> walk_folder(const Path& folder, MemberSink& sink);

}  // namespace tagalign::data
