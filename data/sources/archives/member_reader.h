/// The bytes of one member of an archive, by their place.
#pragma once

#include <string>

#include "base/status.h"
#include "data/sources/archives/archive_walk.h"
#include "data/sources/files/shard_files.h"

namespace tagalign::data {

/// One read of the file, straight into what is returned for plain members; deflated ones are
/// unpacked once. For every coding but kInGzip and kFile. kDataLoss where the bytes do not hold
/// what the place says; its message names the file.
Result<std::string> read_member(const OpenFile& file, const MemberPlace& place);

}  // namespace tagalign::data
