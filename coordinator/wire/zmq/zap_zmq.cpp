#include "coordinator/wire/zmq/zap_zmq.h"

#include <array>
#include <vector>

#include "base/format.h"
#include "base/log.h"
#include "coordinator/wire/zmq/socket_zmq.h"

namespace tagalign::wire {
namespace {

constexpr std::size_t kKeyBytes = 32;
constexpr std::size_t kZ85KeyChars = 40;
/// Strangers shall not fill the log.
constexpr std::chrono::seconds kComplaintEvery(1);

std::string to_z85(const std::string& key) {
  std::array<char, kZ85KeyChars + 1> text{};
  zmq_z85_encode(text.data(), reinterpret_cast<const std::uint8_t*>(key.data()), key.size());
  return text.data();
}

}  // namespace

Result<std::unique_ptr<ZapHandler>> ZapHandler::start(zmq::context_t& context,
                                                      Path allowed_folder) {
  try {
    zmq::socket_t socket(context, zmq::socket_type::rep);
    socket.set(zmq::sockopt::linger, 0);
    socket.bind("inproc://zeromq.zap.01");
    return std::unique_ptr<ZapHandler>(
        new ZapHandler(std::move(socket), std::move(allowed_folder)));
  } catch (const zmq::error_t& error) {
    return internal_error(format("start the key check of a server socket: {}", error.what()));
  }
}

ZapHandler::ZapHandler(zmq::socket_t socket, Path allowed_folder)
    : socket_(std::move(socket)),
      allowed_folder_(std::move(allowed_folder)),
      allowed_(posix_file_system(), allowed_folder_) {
  thread_ = std::thread([this] { serve(); });
}

ZapHandler::~ZapHandler() {
  thread_.join();
}

void ZapHandler::serve() {
  try {
    while (true) {
      allowed_.look();
      zmq::pollitem_t item{socket_.handle(), 0, ZMQ_POLLIN, 0};
      if (!poll_interruptibly({&item, 1}, AllowList::kLookMs)) continue;
      std::vector<std::string> request;
      zmq::message_t part;
      do {
        if (!socket_.recv(part)) return;
        request.push_back(part.to_string());
      } while (part.more());
      answer(request);
    }
  } catch (const zmq::error_t& error) {
    if (error.num() != ETERM) log_error("key check of connections stopped: {}", error.what());
  }
  socket_.close();
}

void ZapHandler::answer(const std::vector<std::string>& request) {
  // version, request id, domain, address, routing id, mechanism, credentials
  const bool well_formed =
      request.size() == 7 && request[5] == "CURVE" && request[6].size() == kKeyBytes;
  std::optional<AllowedKey> key;
  if (well_formed) {
    const std::string public_key = to_z85(request[6]);
    key = allowed_.find(public_key);
    if (!key) complain(public_key);
  }
  const std::string id = request.size() > 1 ? request[1] : "";
  const std::array<std::string, 6> reply = {
      "1.0", id, key ? "200" : "400", key ? "OK" : "key not allowed", key ? key->id() : "", ""};
  for (std::size_t i = 0; i < reply.size(); ++i) {
    const auto flags = i + 1 < reply.size() ? zmq::send_flags::sndmore : zmq::send_flags::none;
    socket_.send(zmq::buffer(reply[i]), flags);
  }
}

void ZapHandler::complain(const std::string& key) {
  const auto now = std::chrono::steady_clock::now();
  if (complained_at_ && now - *complained_at_ < kComplaintEvery) {
    ++silent_;
    return;
  }
  log_warning("refused a connection: key {} is not in {}{}", key, allowed_folder_.string(),
              silent_ == 0 ? "" : format("; {} more before it", silent_));
  complained_at_ = now;
  silent_ = 0;
}

}  // namespace tagalign::wire
