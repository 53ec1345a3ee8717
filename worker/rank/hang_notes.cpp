#include "worker/rank/hang_notes.h"

#include "base/format.h"

namespace tagalign::jobs {
namespace {

std::string line_of(const CollectiveRecord& record, MonotonicMs now_ms) {
  const std::string begun = format_duration(now_ms - record.begun_ms);
  if (record.ended_ms == 0) {
    return format("  {} {} of {} bytes: entered {} ago, still in it\n", record.number, record.name,
                  record.bytes, begun);
  }
  return format("  {} {} of {} bytes: entered {} ago, took {}\n", record.number, record.name,
                record.bytes, begun, format_duration(record.ended_ms - record.begun_ms));
}

}  // namespace

std::string activity_text(const Activity& activity, const std::string& reading,
                          MonotonicMs now_ms) {
  const Activity::View view = activity.view();
  std::string text =
      format("phase {}, {} moves, {} collectives{}\n", static_cast<int>(view.phase), view.moves,
             view.collectives, reading.empty() ? "" : ", reading " + reading);
  text += format("the last {} collectives:\n", kCollectivesKept);
  for (const CollectiveRecord& record : activity.collectives()) text += line_of(record, now_ms);
  return text;
}

}  // namespace tagalign::jobs
