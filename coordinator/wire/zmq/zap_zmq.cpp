#include "coordinator/wire/zmq/zap_zmq.h"

#include <array>
#include <vector>

#include "base/log.h"

namespace tagalign::wire {
namespace {

constexpr std::uint64_t kKeyFileBytesMax = 4096;
constexpr std::size_t kKeyBytes = 32;
constexpr std::size_t kZ85KeyChars = 40;

std::string to_z85(const std::string& key) {
  std::array<char, kZ85KeyChars + 1> text{};
  zmq_z85_encode(text.data(), reinterpret_cast<const std::uint8_t*>(key.data()), key.size());
  return text.data();
}

std::string_view first_word(std::string_view text) {
  return text.substr(0, text.find_first_of(" \t\r\n"));
}

}  // namespace

std::optional<PeerRole> role_of_allowed_name(std::string_view name) {
  if (name.ends_with(".client")) return PeerRole::kClient;
  if (name.ends_with(".agent")) return PeerRole::kAgent;
  return std::nullopt;
}

std::optional<std::string> find_allowed_key(FileSystem& files, const Path& folder,
                                            std::string_view public_key) {
  const auto names = files.list_directory(folder);
  if (!names.ok()) {
    log_error("read the allow-list: {}", names.status().message());
    return std::nullopt;
  }
  for (const std::string& name : *names) {
    if (!role_of_allowed_name(name)) continue;
    const auto contents = files.read_file(folder / name, kKeyFileBytesMax);
    if (contents.ok() && first_word(*contents) == public_key) return name;
  }
  return std::nullopt;
}

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
    : socket_(std::move(socket)), allowed_folder_(std::move(allowed_folder)) {
  thread_ = std::thread([this] { serve(); });
}

ZapHandler::~ZapHandler() {
  thread_.join();
}

void ZapHandler::serve() {
  try {
    while (true) {
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
  std::optional<std::string> name;
  if (well_formed) {
    const std::string key = to_z85(request[6]);
    name = find_allowed_key(posix_file_system(), allowed_folder_, key);
    if (!name) {
      log_warning("refused a connection from {}: key {} is not in {}", request[3], key,
                  allowed_folder_.string());
    }
  }
  const std::string id = request.size() > 1 ? request[1] : "";
  const std::array<std::string, 6> reply = {
      "1.0", id, name ? "200" : "400", name ? "OK" : "key not allowed", name.value_or(""), ""};
  for (std::size_t i = 0; i < reply.size(); ++i) {
    const auto flags = i + 1 < reply.size() ? zmq::send_flags::sndmore : zmq::send_flags::none;
    socket_.send(zmq::buffer(reply[i]), flags);
  }
}

}  // namespace tagalign::wire
