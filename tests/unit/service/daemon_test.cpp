/// The whole coordinator process: real sockets, keys and store; no agent.
#include "coordinator/service/daemon.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "base/clock.h"
#include "base/exit_codes.h"
#include "base/log.h"
#include "base/process.h"
#include "coordinator/keys/state_folder.h"
#include "coordinator/wire/codec.h"

namespace tagalign::service {
namespace {

using namespace wire;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

constexpr std::int64_t kPatienceMs = 30'000;  // only a failing test waits that long

class DaemonTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "ta-daemon-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    state_ = folder_ / "state";
  }
  void TearDown() override {
    if (child_ > 0) {
      ::kill(child_, SIGKILL);
      ::waitpid(child_, nullptr, 0);
    }
    fs::remove_all(folder_);
  }

  pid_t start_child(std::optional<std::string> listen = std::nullopt) {
    const pid_t pid = ::fork();
    if (pid != 0) return pid;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a test that aborts leaves nobody behind
    (void)init_log({.component = "coordinator", .file = folder_ / "log"});
    ::_exit(run_coordinator({.state_folder = state_,
                             .listen = std::move(listen),
                             .pool = PoolKind::kNone,
                             .agent_program = "/nonexistent",
                             .version = "0.1.0"}));
  }
  void start() {
    child_ = start_child();
    for (int waited = 0; waited < kPatienceMs; waited += 10) {
      const auto running = read_live_process(StateFolder(state_).pid_file());
      if (running && running->pid == child_) return;
      system_clock().sleep_ms(10);
    }
    FAIL() << "the coordinator did not come up";
  }
  int wait_for(pid_t pid) {
    int status = 0;
    ::waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  int end() { return wait_for(std::exchange(child_, 0)); }
  ClientReply ask(const ClientRequest& request) {
    auto client = connect_curve(load_client_credentials(state_).value()).value();
    TA_CHECK(client->send(make_frame(request)).ok());
    const auto reply = client->receive(kPatienceMs);
    TA_CHECK(reply.ok() && reply->has_value(), "no reply");
    return decode_client_reply((*reply)->body).value();
  }
  /// Says as much of `bytes` as the coordinator takes, and hangs up.
  void knock(const std::string& bytes) {
    const std::string endpoint = load_client_credentials(state_)->endpoint;
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port =
        htons(static_cast<std::uint16_t>(std::stoi(endpoint.substr(endpoint.rfind(':') + 1))));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    ASSERT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    std::size_t said = 0;
    while (said < bytes.size()) {
      const ssize_t count = ::send(fd, bytes.data() + said, bytes.size() - said, MSG_NOSIGNAL);
      if (count <= 0) break;
      said += static_cast<std::size_t>(count);
    }
    ::close(fd);
  }
  /// The most memory that the coordinator ever had.
  long peak_kib() const {
    const Path status = "/proc/" + std::to_string(child_) + "/status";
    const std::string text = posix_file_system().read_file(status, 1 << 16).value();
    return std::stol(text.substr(text.find("VmHWM:") + 6));
  }
  std::string log_text() { return posix_file_system().read_file(folder_ / "log", 1 << 20).value(); }
  static SubmitRequest submission() {
    JobSpec job{.name = "draw", .kind = "scenes", .config_yaml = "a: 1\n"};
    return {"token", {"demo", "/workspace", {job}}};
  }

  Path folder_;
  Path state_;
  pid_t child_ = 0;
};

TEST_F(DaemonTest, StopRequest_IsAnsweredAndEndsTheProcess) {
  start();
  EXPECT_EQ(std::get<StatusReply>(ask(StatusRequest{})).pid, child_);
  EXPECT_TRUE(std::holds_alternative<StopReply>(ask(StopRequest{})));
  EXPECT_EQ(end(), 0);
  EXPECT_FALSE(fs::exists(StateFolder(state_).pid_file()));
}

TEST_F(DaemonTest, KilledAndStartedAgain_KeepsPortAndSubmissions) {
  start();
  const std::string endpoint = load_client_credentials(state_)->endpoint;
  ASSERT_TRUE(std::holds_alternative<SubmitReply>(ask(submission())));
  ::kill(child_, SIGKILL);
  EXPECT_EQ(end(), -SIGKILL);
  start();
  EXPECT_EQ(load_client_credentials(state_)->endpoint, endpoint);
  const auto jobs = std::get<JobsReply>(ask(JobsRequest{}));
  ASSERT_EQ(jobs.jobs.size(), 1u);
  EXPECT_EQ(jobs.jobs[0].state, "queued");
  EXPECT_EQ(jobs.jobs[0].workflow_name, "demo");
}

TEST_F(DaemonTest, Sigterm_EndsItWithoutAnError) {
  start();
  ::kill(child_, SIGTERM);
  EXPECT_EQ(end(), 0);
}

TEST_F(DaemonTest, StrangersThatAnnounceHugeFrames_TakeNoMemoryAndKeepNobodyWaiting) {
  start();
  ask(StatusRequest{});
  const long before_kib = peak_kib();
  const std::string greeting =
      std::string("\xff\0\0\0\0\0\0\0\1\x7f\3\1CURVE", 17) + std::string(47, '\0');
  const std::string huge = std::string("\2\0\0\0\0\3\xc0\0\0", 9);  // 60 MiB
  for (int i = 0; i < 100; ++i) knock(greeting + huge + std::string(4u << 20, 'x'));
  EXPECT_TRUE(std::holds_alternative<StatusReply>(ask(StatusRequest{})));
  EXPECT_LT(peak_kib() - before_kib, 32 * 1024);
}

TEST_F(DaemonTest, StateFolderHeld_SecondCoordinatorIsRefusedWithThePid) {
  start();
  EXPECT_EQ(wait_for(start_child("tcp://127.0.0.1:*")), to_int(ExitCode::kUsage));
  EXPECT_THAT(log_text(), HasSubstr(std::to_string(child_)));
  EXPECT_EQ(std::get<StatusReply>(ask(StatusRequest{})).pid, child_) << "the first is unharmed";
}

TEST_F(DaemonTest, PortInUse_IsSaid) {
  ASSERT_TRUE(create_state_folder(folder_ / "other").ok());
  const auto holder = listen_curve({.endpoint = "tcp://127.0.0.1:*",
                                    .keys = load_server_credentials(folder_ / "other").value(),
                                    .allowed_folder = StateFolder(folder_ / "other").allowed()})
                          .value();
  EXPECT_EQ(wait_for(start_child(holder->endpoint())), to_int(ExitCode::kUsage));
  EXPECT_THAT(log_text(), HasSubstr("is in use by another program"));
  EXPECT_FALSE(fs::exists(StateFolder(state_).endpoint()));
}

TEST_F(DaemonTest, ServerKeyReadableByOthers_IsRefused) {
  ASSERT_TRUE(create_state_folder(state_).ok());
  fs::permissions(StateFolder(state_).secret("server"), fs::perms::group_read,
                  fs::perm_options::add);
  EXPECT_EQ(wait_for(start_child()), to_int(ExitCode::kUsage));
  EXPECT_THAT(log_text(), HasSubstr("chmod"));
}

}  // namespace
}  // namespace tagalign::service
