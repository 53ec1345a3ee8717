/// Messages to frame bodies and back. A decoded message is complete and its enums are known
/// numbers; whether its contents make sense is for the receiver. Decoding fails with kDataLoss,
/// never throws, and allocates at most a small multiple of the body.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "coordinator/wire/client_messages.h"
#include "coordinator/wire/frame.h"
#include "coordinator/wire/transport.h"

namespace tagalign::wire {

std::string encode(const ClientRequest& message);
std::string encode(const ClientReply& message);
std::string encode(const FromAgent& message);
std::string encode(const ToAgent& message);
std::string encode(const FromRank& message);
std::string encode(const ToRank& message);

Result<ClientRequest> decode_client_request(std::string_view body);
Result<ClientReply> decode_client_reply(std::string_view body);
Result<FromAgent> decode_from_agent(std::string_view body);
Result<ToAgent> decode_to_agent(std::string_view body);
Result<FromRank> decode_from_rank(std::string_view body);
Result<ToRank> decode_to_rank(std::string_view body);

/// Body and kind together, ready for a socket.
Frame make_frame(const ClientRequest& message);
Frame make_frame(const ClientReply& message);
Frame make_frame(const FromAgent& message);
Frame make_frame(const ToAgent& message);
Frame make_frame(const FromRank& message);
Frame make_frame(const ToRank& message);

/// One event for the spool that an agent keeps on disk until the coordinator has acknowledged it.
std::string encode(const SequencedEvent& event);
Result<SequencedEvent> decode_sequenced_event(std::string_view bytes);

}  // namespace tagalign::wire
