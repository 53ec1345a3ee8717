/// Copying what will not be read again soon.
#pragma once

#include <cstddef>

#include "base/file_system.h"

namespace tagalign::checkpoint {

/// As memcpy, but the target's lines are written past the caches where the processor can do that: they
/// need not be read first, and the source stays cached for whoever reads it next. Other threads see
/// all of it behind a synchronisation, as ever.
void stream_copy(std::byte* target, ByteSpan source);

}  // namespace tagalign::checkpoint
