/// A coordinator on fakes: its real loop with a socket, a store, a pool and a clock of the test.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/limits.h"
#include "coordinator/service/service.h"
#include "tests/support/fake_transport.h"
#include "tests/support/memory_store.h"

namespace tagalign::service {
using namespace wire;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

inline constexpr const char* kClient = "client-peer";
inline constexpr const char* kAgent = "agent-peer";

class FakePool final : public Pool {
 public:
  void tick() override { ++ticks; }
  void on_hello(const AgentHello& hello) override { hellos.push_back(hello.agent.value); }
  void stop() override { stopped = true; }
  int alive() override { return living; }

  int ticks = 0;
  int living = 0;
  bool stopped = false;
  std::vector<std::string> hellos;
};

inline WorkflowSpec one_job_workflow(int ranks = 1) {
  JobSpec job{.name = "train", .kind = "train", .ranks = ranks, .config_yaml = "a: 1\n"};
  return {"demo", "/workspace", {job}};
}

class ServiceTest : public ::testing::Test {
 protected:
  void SetUp() override { restart(); }

  /// As a crash and a new process: only the store survives.
  void restart() {
    socket_ = std::make_unique<FakeServerSocket>();
    service_ =
        std::make_unique<Service>(ServiceParts{.clock = clock_,
                                               .files = posix_file_system(),
                                               .socket = *socket_,
                                               .store = store_,
                                               .pool = pool_,
                                               .identity = {"0.1.0", 7, "/state", "tcp://x:1"},
                                               .policy = policy_});
    ASSERT_TRUE(service_->restore().ok());
  }
  void step() { ASSERT_TRUE(service_->step(0).ok()); }

  ClientReply request(const ClientRequest& message) {
    socket_->put(kClient, message);
    TA_CHECK(service_->step(0).ok());
    auto replies = socket_->take_replies(kClient);
    TA_CHECK(replies.size() == 1, "expected exactly one reply");
    return replies[0];
  }
  std::vector<ToAgent> orders_after(const FromAgent& message) {
    socket_->put(kAgent, message);
    TA_CHECK(service_->step(0).ok());
    return socket_->take_orders(kAgent);
  }
  AgentHello hello(std::vector<std::pair<JobId, Attempt>> known = {}, std::uint64_t next = 1) {
    return {.agent = {"local"},
            .incarnation = "i1",
            .host = "here",
            .slots = 4,
            .pid = 4711,
            .known_attempts = std::move(known),
            .first_unacknowledged = next};
  }
  AgentEvents events(std::uint64_t first, std::vector<AgentEvent> list) {
    AgentEvents message{{"local"}, {}};
    for (auto& event : list) message.events.push_back({first++, std::move(event)});
    return message;
  }
  std::string job_state() {
    return std::string(core::job_state_name(service_->state().jobs.at(JobId{1}).state));
  }
  /// Submits one job, lets the agent join and start it; its events 1 … 1 are acknowledged.
  void start_job() {
    orders_after(hello());
    request(SubmitRequest{"t1", one_job_workflow()});
    socket_->take_orders(kAgent);
    orders_after(events(1, {AttemptStarted{{1}, {1}, 99, 5}}));
    ASSERT_EQ(job_state(), "running");
  }

  core::Policy policy_;
  ManualClock clock_;
  store::MemoryStore store_;
  FakePool pool_;
  std::unique_ptr<FakeServerSocket> socket_;
  std::unique_ptr<Service> service_;
};

}  // namespace tagalign::service
