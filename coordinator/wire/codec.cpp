#include "coordinator/wire/codec.h"

#include "coordinator/wire/serialize.h"

namespace tagalign::wire {
namespace {

template <class Message>
Result<Message> decode(std::string_view body, std::string_view what) {
  Result<Message> message = from_bytes<Message>(body);
  if (message.ok()) return message;
  return message.status().with_context(format("decode a {} of {} bytes", what, body.size()));
}

}  // namespace

std::string encode(const ClientRequest& message) {
  return to_bytes(message);
}
std::string encode(const ClientReply& message) {
  return to_bytes(message);
}
std::string encode(const FromAgent& message) {
  return to_bytes(message);
}
std::string encode(const ToAgent& message) {
  return to_bytes(message);
}
std::string encode(const FromRank& message) {
  return to_bytes(message);
}
std::string encode(const ToRank& message) {
  return to_bytes(message);
}
std::string encode(const SequencedEvent& event) {
  return to_bytes(event);
}

Result<ClientRequest> decode_client_request(std::string_view body) {
  return decode<ClientRequest>(body, "client's request");
}
Result<ClientReply> decode_client_reply(std::string_view body) {
  return decode<ClientReply>(body, "reply to a client");
}
Result<FromAgent> decode_from_agent(std::string_view body) {
  return decode<FromAgent>(body, "message from an agent");
}
Result<ToAgent> decode_to_agent(std::string_view body) {
  return decode<ToAgent>(body, "message to an agent");
}
Result<FromRank> decode_from_rank(std::string_view body) {
  return decode<FromRank>(body, "message from a rank");
}
Result<ToRank> decode_to_rank(std::string_view body) {
  return decode<ToRank>(body, "message to a rank");
}
Result<SequencedEvent> decode_sequenced_event(std::string_view bytes) {
  return decode<SequencedEvent>(bytes, "spooled event");
}

Frame make_frame(const ClientRequest& message) {
  return {FrameKind::kClientRequest, encode(message)};
}
Frame make_frame(const ClientReply& message) {
  return {FrameKind::kClientReply, encode(message)};
}
Frame make_frame(const FromAgent& message) {
  return {FrameKind::kFromAgent, encode(message)};
}
Frame make_frame(const ToAgent& message) {
  return {FrameKind::kToAgent, encode(message)};
}
Frame make_frame(const FromRank& message) {
  return {FrameKind::kFromRank, encode(message)};
}
Frame make_frame(const ToRank& message) {
  return {FrameKind::kToRank, encode(message)};
}

}  // namespace tagalign::wire
