#include "coordinator/store/event_codec.h"

#include "base/checksum.h"
#include "base/format.h"
#include "coordinator/protocol/serialize.h"

namespace tagalign::core {

template <class Archive>
void serialize(Archive& archive, WorkflowSubmitted& e) {
  archive(e.token, e.spec);
}
template <class Archive>
void serialize(Archive& archive, CancelRequested& e) {
  archive(e.job);
}
template <class Archive>
void serialize(Archive& archive, AgentJoined& e) {
  archive(e.hello);
}
template <class Archive>
void serialize(Archive& archive, AgentLost& e) {
  archive(e.agent);
}
template <class Archive>
void serialize(Archive& archive, AgentReported& e) {
  archive(e.agent, e.event);
}
template <class Archive>
void serialize(Archive&, TimePassed&) {}
template <class Archive>
void serialize(Archive& archive, Event& e) {
  archive(e.at_ms, e.body);
}

}  // namespace tagalign::core

namespace tagalign::store {

std::string encode_event(const core::Event& event) {
  return protocol::to_bytes(event);
}

Result<core::Event> decode_event(std::uint32_t format_version, std::string_view bytes) {
  if (format_version != kEventFormat) {
    return unsupported(format(
        "event format {} is not known here, this program reads {}; use the newer version that "
        "wrote it",
        format_version, kEventFormat));
  }
  return protocol::from_bytes<core::Event>(bytes);
}

std::string_view event_kind(const core::Event& event) {
  static constexpr std::string_view kNames[] = {"workflow-submitted", "cancel-requested",
                                                "agent-joined",       "agent-lost",
                                                "agent-reported",     "time-passed"};
  static_assert(std::size(kNames) == std::variant_size_v<core::EventBody>);
  return kNames[event.body.index()];
}

std::uint64_t event_checksum(std::uint32_t format_version, std::string_view bytes) {
  std::string covered(sizeof format_version, '\0');
  for (std::size_t i = 0; i < sizeof format_version; ++i) {
    covered[i] = static_cast<char>(format_version >> (8 * i) & 0xff);
  }
  covered += bytes;
  return digest64(as_bytes(covered));
}

}  // namespace tagalign::store
