/// What both sides of manifest.json's text share; see format.md. Pure.
#pragma once

#include <string>
#include <string_view>

namespace tagalign::checkpoint {

inline constexpr std::string_view kFormatName = "tagalign-checkpoint";
inline constexpr std::string_view kSealStart = "{\"xxh3_128\": \"";
inline constexpr std::string_view kSealEnd = "\",\n";
inline constexpr std::size_t kDigestDigits = 32;
inline constexpr std::size_t kSealBytes = kSealStart.size() + kDigestDigits + kSealEnd.size();

/// The first line: it holds the digest of all that follows.
std::string manifest_seal(std::string_view body);

}  // namespace tagalign::checkpoint
