#include "coordinator/wire/next_job.h"

#include "coordinator/wire/frame.h"
#include "coordinator/wire/serialize.h"

namespace tagalign::wire {

template <class V, Is<NextJob> M>
void visit_fields(V&& visit, M& m) {
  visit("job", m.job);
  visit("attempt", m.attempt);
  visit("log_folder", m.log_folder);
  visit("config", m.config);
  visit("overrides", m.overrides);
}

Frame make_frame(const NextJob& next) {
  return {FrameKind::kNextJob, to_bytes(next)};
}

Result<NextJob> decode_next_job(std::string_view body) {
  auto next = from_bytes<NextJob>(body);
  if (next.ok()) return next;
  return next.status().with_context(format("decode a next job of {} bytes", body.size()));
}

}  // namespace tagalign::wire
