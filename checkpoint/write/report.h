/// What the ranks of a save tell each other at its two meetings, and the text that it travels as. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/checksum.h"
#include "base/status.h"
#include "checkpoint/write/shard_image.h"

namespace tagalign::checkpoint {

/// At the first meeting: how a rank fared. Every rank reads it of all.
struct Fare {
  Status status = {};
  std::string plan = {};  ///< digest of what must be equal on all ranks
};
/// Of a rank that has written its shard; what follows its fare. Rank 0 alone reads it, behind the
/// back of the training.
struct ShardReport {
  std::uint64_t bytes = 0;
  Digest128 digest = {};
  std::vector<SavedPart> parts = {};
};
std::string encode_report(const Fare& fare, const ShardReport& shard);
Result<Fare> decode_fare(std::string_view report);
Result<ShardReport> decode_shard_report(std::string_view report);

/// At the second meeting, of rank 0: what was published. Of the others: nothing.
struct Outcome {
  Status status = {};
  std::string digest = {};  ///< of the manifest
  bool scheduled = true;    ///< these three as published: it may have been there already
  int world_size = 1;
  std::string code = {};
};
std::string encode_outcome(const Outcome& outcome);
Result<Outcome> decode_outcome(std::string_view text);

}  // namespace tagalign::checkpoint
