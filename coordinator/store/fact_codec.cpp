#include "coordinator/store/fact_codec.h"

#include <stdexcept>

#include "base/checksum.h"
#include "base/format.h"
#include "coordinator/store/schema.h"
#include "coordinator/store/stored_fields.h"

namespace tagalign::store {
namespace {

constexpr std::uint32_t kFactFormatOldest = 2;

Status check_format(std::uint32_t version) {
  if (version == 1) {
    return unsupported(
        "format 1 held what was heard, not what was decided, and is not read any more; begin with "
        "an empty state folder");
  }
  if (version >= kFactFormatOldest && version <= kFactFormat) return ok_status();
  return unsupported(
      format("format {} is not known here, this program reads {} to {}; use the newer version "
             "that wrote it",
             version, kFactFormatOldest, kFactFormat));
}

template <class T>
Status read(std::uint32_t version, std::string_view bytes, T& value) {
  TA_RETURN_IF_ERROR(check_format(version));
  try {
    get(bytes, value);
    return ok_status();
  } catch (const TaggedError& error) {
    return data_loss(error.what());
  }
}

}  // namespace

std::string encode_fact(const core::Fact& fact) {
  std::string bytes;
  put(bytes, fact);
  return bytes;
}

Result<core::Fact> decode_fact(std::uint32_t format_version, std::string_view bytes) {
  core::Fact fact;
  TA_RETURN_IF_ERROR(read(format_version, bytes, fact));
  if (bytes.empty()) return data_loss("a fact has no bytes");
  return fact;
}

Result<core::Fact> read_stored_fact(const StoredFact& row) {
  if (row_checksum(row.format, row.payload) != row.checksum)
    return data_loss(format("the payload does not match its checksum; {}", kWayOut));
  return decode_fact(row.format, row.payload);
}

std::string encode_snapshot(const core::State& state) {
  std::string bytes;
  put(bytes, state);
  return bytes;
}

Result<core::State> decode_snapshot(std::uint32_t format_version, std::string_view bytes) {
  core::State state;
  TA_RETURN_IF_ERROR(read(format_version, bytes, state));
  try {
    core::build_index(state);
  } catch (const std::out_of_range&) {
    return data_loss("the snapshot names a job, workflow or agent that it does not hold");
  }
  return state;
}

std::uint64_t row_checksum(std::uint32_t format_version, std::string_view bytes) {
  std::string covered(sizeof format_version, '\0');
  for (std::size_t i = 0; i < sizeof format_version; ++i) {
    covered[i] = static_cast<char>(format_version >> (8 * i) & 0xff);
  }
  covered += bytes;
  return digest64(as_bytes(covered));
}

}  // namespace tagalign::store
