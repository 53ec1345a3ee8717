/// What a file is by its first bytes, whatever its name says. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/file_system.h"

namespace tagalign::model {

enum class WeightsFormat : std::uint8_t {
  kSafetensors,
  kTorchZip,
  kTorchLegacy,  ///< torch.save before 1.6, or with _use_new_zipfile_serialization=False
  kOther,        ///< no file of weights that is read
};
inline constexpr std::size_t kFormatBytes = 512;  ///< enough to tell
WeightsFormat weights_format(ByteSpan first_bytes);

/// Of kOther: what it is and what to do about it, behind the file's name: "is compressed (gzip):
/// unpack it with gunzip".
std::string other_kind(ByteSpan first_bytes);

}  // namespace tagalign::model
