/// Random access into gzip: one pass from the start notes points from which unpacking can begin.
///
/// A point costs the 32 KiB that deflate may refer back to, under 1 % at one each 4 MiB, and
/// a read unpacks 2 MiB on average before its own bytes: milliseconds, beside the hours that
/// unpacking some terabytes of shards would take a person. Plain tars stay the faster choice.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "data/sources/archives/archive_walk.h"
#include "data/sources/files/shard_files.h"

namespace tagalign::data {

inline constexpr std::uint64_t kGzipPointBytes = 4u << 20;

/// Unpacks from a point on. One thread; borrows `file`.
class GzipStream {
 public:
  /// From the start, or from a point of an earlier pass.
  explicit GzipStream(const OpenFile& file, const GzipPoint& from = {});
  ~GzipStream();
  GzipStream(const GzipStream&) = delete;
  GzipStream& operator=(const GzipStream&) = delete;

  /// The next unpacked bytes, valid until the next call; empty at the end. kDataLoss where the
  /// stream is damaged or cut.
  Result<std::string_view> next();
  /// Points passed so far, from `from` on.
  std::vector<GzipPoint> take_points();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// `place.bytes` bytes of the unpacked stream; `points` in ascending order.
Result<std::string> read_in_gzip(const OpenFile& file, const MemberPlace& place,
                                 const GzipPoint& from);

}  // namespace tagalign::data
