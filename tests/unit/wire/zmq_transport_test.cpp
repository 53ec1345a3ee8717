#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <zmq.hpp>

#include "coordinator/keys/state_folder.h"
#include "coordinator/wire/codec.h"
#include "coordinator/wire/frame.h"
#include "coordinator/wire/transport.h"

namespace tagalign::wire {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

constexpr std::int64_t kPatienceMs = 20'000;  // only a failing test waits that long
constexpr std::int64_t kStepMs = 20;

class ZmqTransportTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "ta-zmq-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    ASSERT_TRUE(create_state_folder(folder_).ok());
    options_ = {.endpoint = "tcp://127.0.0.1:*",
                .keys = load_server_credentials(folder_).value(),
                .allowed_folder = StateFolder(folder_).allowed()};
  }
  void TearDown() override { fs::remove_all(folder_); }

  void listen() {
    auto server = listen_curve(options_);
    ASSERT_TRUE(server.ok()) << server.status().message();
    server_ = std::move(server).value();
    options_.endpoint = server_->endpoint();
    ASSERT_TRUE(posix_file_system()
                    .write_durable(StateFolder(folder_).endpoint(), server_->endpoint())
                    .ok());
  }
  std::unique_ptr<ClientSocket> connect(PeerRole role) {
    return connect_curve(load_client_credentials(folder_, role).value()).value();
  }
  IncomingFrame server_receives() {
    auto frame = server_->receive(kPatienceMs);
    TA_CHECK(frame.ok() && frame->has_value(), "the server got nothing");
    return **frame;
  }
  /// Lets both sides work until the client has a frame or an error.
  Result<std::optional<Frame>> client_receives(ClientSocket& client) {
    for (std::int64_t waited = 0; waited < kPatienceMs; waited += 2 * kStepMs) {
      if (server_) TA_CHECK(server_->receive(kStepMs).ok());
      auto frame = client.receive(kStepMs);
      if (!frame.ok() || frame->has_value()) return frame;
    }
    return std::optional<Frame>();
  }

  Path folder_;
  CurveServerOptions options_;
  std::unique_ptr<ServerSocket> server_;
};

TEST_F(ZmqTransportTest, KnownClient_RequestAndReply_Arrive) {
  listen();
  auto client = connect(PeerRole::kClient);
  ASSERT_TRUE(client->send(make_frame(ClientRequest(StatusRequest{}))).ok());
  const IncomingFrame request = server_receives();
  EXPECT_EQ(request.role, PeerRole::kClient);
  EXPECT_EQ(request.frame.kind, FrameKind::kClientRequest);
  ASSERT_TRUE(server_->send(request.peer, make_frame(ClientReply(StopReply{"bye"}))).ok());
  const auto reply = client->receive(kPatienceMs);
  ASSERT_TRUE(reply.ok() && reply->has_value());
  EXPECT_EQ(std::get<StopReply>(*decode_client_reply((*reply)->body)).message, "bye");
}

TEST_F(ZmqTransportTest, KnownAgent_RoleComesFromItsKey) {
  listen();
  auto agent = connect(PeerRole::kAgent);
  ASSERT_TRUE(agent->send(make_frame(FromAgent(AgentHeartbeat{}))).ok());
  EXPECT_EQ(server_receives().role, PeerRole::kAgent);
}

TEST_F(ZmqTransportTest, UnknownKey_ReceiveSaysWhichKeyToAllow) {
  listen();
  auto options = load_client_credentials(folder_).value();
  options.keys = generate_keys().value();
  auto client = connect_curve(options).value();
  ASSERT_TRUE(client->send(make_frame(ClientRequest(StatusRequest{}))).ok());
  const auto reply = client->receive(kPatienceMs);
  ASSERT_FALSE(reply.ok());
  EXPECT_EQ(reply.status().code(), ErrorCode::kPermissionDenied);
  EXPECT_THAT(reply.status().message(), HasSubstr(options.keys.public_key));
  EXPECT_THAT(reply.status().message(), HasSubstr("allow-list"));
  const auto request = server_->receive(100);
  ASSERT_TRUE(request.ok());
  EXPECT_FALSE(request->has_value());
}

TEST_F(ZmqTransportTest, KeyAllowedLater_ClientGetsThrough) {
  listen();
  auto options = load_client_credentials(folder_).value();
  options.keys = generate_keys().value();
  auto client = connect_curve(options).value();
  ASSERT_TRUE(client->send(make_frame(ClientRequest(StatusRequest{}))).ok());
  ASSERT_FALSE(client->receive(kPatienceMs).ok());
  ASSERT_TRUE(posix_file_system()
                  .write_durable(options_.allowed_folder / "new.client", options.keys.public_key)
                  .ok());
  std::optional<IncomingFrame> request;
  for (std::int64_t waited = 0; waited < kPatienceMs && !request; waited += 2 * kStepMs) {
    (void)client->receive(kStepMs);  // refused until it tries again
    (void)client->send(make_frame(ClientRequest(StatusRequest{})));
    request = server_->receive(kStepMs).value();
  }
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->frame.kind, FrameKind::kClientRequest);
}

TEST_F(ZmqTransportTest, WrongServerKey_ReceiveSaysSo) {
  listen();
  auto options = load_client_credentials(folder_).value();
  options.server_public_key = generate_keys().value().public_key;
  auto client = connect_curve(options).value();
  const auto reply = client->receive(kPatienceMs);
  ASSERT_FALSE(reply.ok());
  EXPECT_THAT(reply.status().message(), HasSubstr("server.public"));
}

TEST_F(ZmqTransportTest, ClientKeyUsedAsAgent_IsRejectedByName) {
  listen();
  auto options = load_client_credentials(folder_).value();
  options.role = PeerRole::kAgent;
  auto client = connect_curve(options).value();
  const auto reply = client_receives(*client);
  ASSERT_FALSE(reply.ok());
  EXPECT_THAT(reply.status().message(), HasSubstr("its key is allowed as client"));
}

TEST_F(ZmqTransportTest, PortInUse_IsNamed) {
  listen();
  const auto second = listen_curve(options_);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.status().code(), ErrorCode::kAlreadyExists);
  const std::string port = options_.endpoint.substr(options_.endpoint.rfind(':') + 1);
  EXPECT_THAT(second.status().message(), HasSubstr("port " + port + " is in use"));
}

TEST_F(ZmqTransportTest, PeerGone_SendIsUnavailable) {
  listen();
  auto client = connect(PeerRole::kClient);
  ASSERT_TRUE(client->send(make_frame(ClientRequest(StatusRequest{}))).ok());
  const IncomingFrame request = server_receives();
  client.reset();
  Status sent;
  for (std::int64_t waited = 0; waited < kPatienceMs && sent.ok(); waited += kStepMs) {
    ASSERT_TRUE(server_->receive(kStepMs).ok());
    sent = server_->send(request.peer, make_frame(ClientReply(StopReply{})));
  }
  EXPECT_EQ(sent.code(), ErrorCode::kUnavailable);
}

TEST_F(ZmqTransportTest, ServerRestartsOnItsPort_ClientReconnects) {
  listen();
  auto client = connect(PeerRole::kClient);
  ASSERT_TRUE(client->send(make_frame(ClientRequest(StatusRequest{}))).ok());
  server_receives();
  server_.reset();
  listen();
  ASSERT_TRUE(client->send(make_frame(ClientRequest(StopRequest{}))).ok());
  EXPECT_TRUE(
      std::holds_alternative<StopRequest>(*decode_client_request(server_receives().frame.body)));
}

TEST_F(ZmqTransportTest, NobodyListens_ReceiveTimesOut) {
  listen();
  server_.reset();
  auto client = connect(PeerRole::kClient);
  const auto reply = client->receive(50);
  ASSERT_TRUE(reply.ok());
  EXPECT_FALSE(reply->has_value());
}

/// A raw socket that speaks CURVE but not our frames.
class RawClient {
 public:
  explicit RawClient(const CurveClientOptions& options)
      : socket_(context_, zmq::socket_type::dealer) {
    socket_.set(zmq::sockopt::linger, 1000);
    socket_.set(zmq::sockopt::curve_serverkey, options.server_public_key);
    socket_.set(zmq::sockopt::curve_publickey, options.keys.public_key);
    socket_.set(zmq::sockopt::curve_secretkey, options.keys.secret_key);
    socket_.connect(options.endpoint);
  }
  void send(const std::string& bytes) { socket_.send(zmq::buffer(bytes), zmq::send_flags::none); }
  std::string receive() {
    zmq::message_t message;
    (void)socket_.recv(message);
    return message.to_string();
  }

 private:
  zmq::context_t context_;
  zmq::socket_t socket_;
};

TEST_F(ZmqTransportTest, DamagedFrame_IsDroppedAndTheNextArrives) {
  listen();
  RawClient raw(load_client_credentials(folder_).value());
  std::string damaged = pack_frame(make_frame(ClientRequest(StatusRequest{})));
  damaged.back() = static_cast<char>(damaged.back() ^ 1);
  raw.send("nonsense");
  raw.send(damaged);
  raw.send(pack_frame(make_frame(ClientRequest(StopRequest{}))));
  EXPECT_TRUE(
      std::holds_alternative<StopRequest>(*decode_client_request(server_receives().frame.body)));
}

TEST_F(ZmqTransportTest, FutureVersion_IsAnsweredWithAReadableReject) {
  listen();
  RawClient raw(load_client_credentials(folder_).value());
  raw.send(pack_frame({FrameKind::kHello, encode(Hello{8, 9, PeerRole::kClient, "future"})}, 9));
  raw.send(pack_frame(make_frame(ClientRequest(StatusRequest{}))));
  server_receives();
  const auto answer = unpack_frame(raw.receive());
  ASSERT_TRUE(answer.ok());
  ASSERT_EQ(answer->frame.kind, FrameKind::kReject);
  EXPECT_THAT(decode_reject(answer->frame.body)->message, HasSubstr("the peer speaks 8 to 9"));
}

TEST_F(ZmqTransportTest, Ipc_FramesPassAsRank) {
  const Path path = folder_ / "rank.sock";
  server_ = listen_ipc(path).value();
  auto rank = connect_ipc(path).value();
  ASSERT_TRUE(rank->send(make_frame(FromRank(RankHello{}))).ok());
  const IncomingFrame hello = server_receives();
  EXPECT_EQ(hello.role, PeerRole::kRank);
  ASSERT_TRUE(server_->send(hello.peer, make_frame(ToRank(RankAck{4}))).ok());
  const auto ack = rank->receive(kPatienceMs);
  ASSERT_TRUE(ack.ok() && ack->has_value());
  EXPECT_EQ(std::get<RankAck>(*decode_to_rank((*ack)->body)).messages, 4u);
}

TEST_F(ZmqTransportTest, Ipc_LastWordBeforeTheClientEnds_Arrives) {
  const Path path = folder_ / "rank.sock";
  server_ = listen_ipc(path).value();
  auto rank = connect_ipc(path).value();
  ASSERT_TRUE(rank->send(make_frame(FromRank(RankFarewell{}))).ok());
  rank.reset();
  EXPECT_EQ(server_receives().frame.kind, FrameKind::kFromRank);
}

TEST_F(ZmqTransportTest, Ipc_FolderOpenToOthers_IsRefused) {
  const Path open = folder_ / "open";
  fs::create_directory(open);
  fs::permissions(open, fs::perms(0755));
  const auto server = listen_ipc(open / "s");
  ASSERT_FALSE(server.ok());
  EXPECT_EQ(server.status().code(), ErrorCode::kPermissionDenied);
  EXPECT_THAT(server.status().message(), HasSubstr("chmod 700"));
}

TEST_F(ZmqTransportTest, Ipc_PathTooLong_IsRefused) {
  const auto server = listen_ipc(folder_ / std::string(120, 'x'));
  ASSERT_FALSE(server.ok());
  EXPECT_THAT(server.status().message(), HasSubstr("at most 100"));
}

}  // namespace
}  // namespace tagalign::wire
