/// Bytes of facts and snapshots as stored (format.md).
///
/// Format 1 was a log of inputs, which each start judged again; it is refused. A reader knows every
/// format from 2 on; a newer one is refused.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"
#include "coordinator/core/facts.h"

namespace tagalign::store {

inline constexpr std::uint32_t kFactFormat = 6;

std::string encode_fact(const core::Fact& fact);

/// kUnsupported for another `format`, kDataLoss for bytes that are no fact.
Result<core::Fact> decode_fact(std::uint32_t format, std::string_view bytes);

/// A row of table `facts`.
struct StoredFact {
  std::uint32_t format = 0;
  std::uint64_t checksum = 0;
  std::string_view payload;
};
/// As decode_fact(), and kDataLoss when the checksum does not fit; says the way out.
Result<core::Fact> read_stored_fact(const StoredFact& row);

/// All durable fields of the state.
std::string encode_snapshot(const core::State& state);
/// With its index built. Errors as decode_fact().
Result<core::State> decode_snapshot(std::uint32_t format, std::string_view bytes);

/// Of format and bytes: what a row's checksum column holds.
std::uint64_t row_checksum(std::uint32_t format, std::string_view bytes);

}  // namespace tagalign::store
