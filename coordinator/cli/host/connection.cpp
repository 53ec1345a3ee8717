#include "coordinator/cli/host/connection.h"

namespace tagalign::cli {

Status refusal(const wire::ErrorReply& reply) {
  for (int code = 1; code <= static_cast<int>(ErrorCode::kInternal); ++code) {
    const auto candidate = static_cast<ErrorCode>(code);
    if (error_code_name(candidate) == reply.code) return {candidate, reply.message};
  }
  return internal_error(reply.code + ": " + reply.message);
}

}  // namespace tagalign::cli
