#include <algorithm>
#include <ranges>

#include "base/format.h"
#include "checkpoint/format/pins.h"
#include "checkpoint/keep.h"
#include "checkpoint/load.h"

namespace tagalign::checkpoint {
namespace {

/// Looks at checkpoints from the newest to the oldest.
class Judge {
 public:
  Judge(const KeepRules& rules, const Pins& pins) : rules_(rules), pins_(pins) {}

  Fate fate_of(Manifest manifest) {
    const auto& [step, scheduled] = std::pair(manifest.position.step, manifest.position.scheduled);
    if (scheduled) ++scheduled_;
    const bool is_newest = std::exchange(at_newest_, false);
    const auto stays = [&](std::string why) { return Fate{std::move(manifest), true, why}; };
    if (is_newest) return stays("newest");
    if (const auto pin = pins_.find(step); pin != pins_.end())
      return stays(format("pinned by {}", fmt::join(pin->second, ", ")));
    if (rules_.best.contains(step)) return stays("best");
    if (!scheduled) return {std::move(manifest), false, "unscheduled"};
    if (rules_.last == 0) return stays("all are kept");
    if (scheduled_ <= static_cast<std::size_t>(rules_.last))
      return stays(format("last {}", rules_.last));
    if (rules_.every != 0 && step % rules_.every == 0)
      return stays(format("every {}", rules_.every));
    return {std::move(manifest), false, "expired"};
  }

 private:
  const KeepRules& rules_;
  const Pins& pins_;
  bool at_newest_ = true;
  std::size_t scheduled_ = 0;
};

}  // namespace

Result<std::vector<Fate>> judge(FileSystem& files, const Path& folder, const KeepRules& rules) {
  TA_CHECK(rules.last >= 0);
  TA_ASSIGN_OR_RETURN(std::vector<Manifest> manifests, list(files, folder));
  TA_ASSIGN_OR_RETURN(const Pins pins, read_pins(files, folder));
  std::vector<Fate> fates;
  Judge judge(rules, pins);
  for (Manifest& manifest : std::views::reverse(manifests))
    fates.push_back(judge.fate_of(std::move(manifest)));
  std::ranges::reverse(fates);
  return fates;
}

}  // namespace tagalign::checkpoint
