#include "worker/rank/rank.h"

#include "base/format.h"

namespace tagalign::jobs {

// One byte, the error's code, then the value or the message.
Result<std::string> share_first(collectives::CollectiveGroup& group, Result<std::string> mine) {
  std::string sent;
  if (group.rank() == 0) {
    sent = static_cast<char>(mine.status().code());
    sent += mine.ok() ? *mine : mine.status().message();
  }
  TA_ASSIGN_OR_RETURN(const auto received, group.all_gather_strings(sent));
  if (received[0].empty()) {
    return internal_error(
        format("rank {} of {}: the first rank sent no decision, not even its "
               "code; are all ranks in the same collective?",
               group.rank(), group.size()));
  }
  const auto code = static_cast<ErrorCode>(received[0][0]);
  std::string text = received[0].substr(1);
  if (code == ErrorCode::kOk) return text;
  return Status(code, std::move(text));
}

}  // namespace tagalign::jobs
