#include "worker/rank/rank.h"

#include "base/format.h"

namespace tagalign::jobs {

// One byte, the error's code and whether it is of the place, then the value or the message.
constexpr unsigned char kOfThePlace = 0x80;

Result<std::string> share_first(collectives::CollectiveGroup& group, Result<std::string> mine) {
  std::string sent;
  if (group.rank() == 0) {
    auto first = static_cast<unsigned char>(mine.status().code());
    if (mine.status().is_of_the_place()) first |= kOfThePlace;
    sent = static_cast<char>(first);
    sent += mine.ok() ? *mine : mine.status().message();
  }
  TA_ASSIGN_OR_RETURN(const auto received, group.all_gather_strings(sent));
  if (received[0].empty()) {
    return internal_error(
        format("rank {} of {}: the first rank sent no decision, not even its "
               "code; are all ranks in the same collective?",
               group.rank(), group.size()));
  }
  const auto first = static_cast<unsigned char>(received[0][0]);
  const auto code = static_cast<ErrorCode>(first & ~kOfThePlace);
  std::string text = received[0].substr(1);
  if (code == ErrorCode::kOk) return text;
  return Status(code, std::move(text)).set_of_the_place((first & kOfThePlace) != 0);
}

}  // namespace tagalign::jobs
