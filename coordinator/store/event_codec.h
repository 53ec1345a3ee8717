/// Bytes of one event as stored (format.md). Version 1 is all there is; a reader refuses newer
/// ones.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"
#include "coordinator/core/core.h"

namespace tagalign::store {

inline constexpr std::uint32_t kEventFormat = 1;

std::string encode_event(const core::Event& event);

/// kUnsupported for a newer `format`, kDataLoss for bytes that are no event.
Result<core::Event> decode_event(std::uint32_t format, std::string_view bytes);

/// "workflow-submitted", "agent-reported": for people who read the table.
std::string_view event_kind(const core::Event& event);

/// Of format and bytes: what the row's checksum column holds.
std::uint64_t event_checksum(std::uint32_t format, std::string_view bytes);

}  // namespace tagalign::store
