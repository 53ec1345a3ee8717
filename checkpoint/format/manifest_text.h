/// What the writers and readers of a manifest's text share; see format.md. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/checksum.h"
#include "base/status.h"

namespace tagalign::checkpoint {

inline constexpr std::string_view kFormatName = "tagalign-checkpoint";
inline constexpr std::string_view kSealStart = "{\"xxh3_128\": \"";
inline constexpr std::string_view kSealEnd = "\",\n";
inline constexpr std::size_t kDigestDigits = 32;
inline constexpr std::size_t kSealBytes = kSealStart.size() + kDigestDigits + kSealEnd.size();

/// The first line: it holds the digest of all that follows.
std::string manifest_seal(std::string_view body);

/// Digests in hexadecimal, one behind the other.
std::string encode_blocks(const std::vector<Digest128>& blocks);
/// kDataLoss for anything that encode_blocks() does not write.
Result<std::vector<Digest128>> decode_blocks(std::string_view text);

}  // namespace tagalign::checkpoint
