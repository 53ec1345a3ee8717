/// Facts as lines of JSON, for people and for a replay: every stored field under its name, also those
/// that are zero (format.md). The names are those of the one list (stored_fields.h).
///
///     {"sequence": 7, "at": "2026-11-28T01:02:03.004Z", "at_ms": …, "fact": "job-held",
///      "data": {"job": 3, "reason": "held"}}
///
/// Enumerations and alternatives are words. Bytes of a text that are no UTF-8 become U+FFFD; else
/// reading gives the fact that was written.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"
#include "coordinator/core/facts.h"

namespace tagalign::store {

/// One line, without its end.
std::string fact_to_json(std::uint64_t sequence, const core::Fact& fact);

struct NumberedFact {
  std::uint64_t sequence = 0;
  core::Fact fact;
};
/// Absent fields are zero, unknown ones are refused. kDataLoss says what is wrong with the line.
Result<NumberedFact> fact_from_json(std::string_view line);

}  // namespace tagalign::store
