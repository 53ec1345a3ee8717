/// What a client that floods costs another one: latency with and without the flood, and the
/// coordinator's memory. The coordinator and the good client share the first core, the flooder has
/// the second for itself, so that its own work is not counted.
///
///   build/bench/flood_bench [SECONDS] [FLOOD…]
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <thread>

#include "base/clock.h"
#include "base/format.h"
#include "base/log.h"
#include "coordinator/keys/given_keys.h"
#include "coordinator/keys/state_folder.h"
#include "coordinator/service/daemon.h"
#include "coordinator/wire/codec.h"

namespace tagalign {
namespace {

using namespace wire;
using Clock = std::chrono::steady_clock;

constexpr int kGoodPaceUs = 2'000;
constexpr std::int64_t kPatienceMs = 5'000;
constexpr int kConnectionsHeld = 2'000;
constexpr int kJobs = 1'000;

void pin_to(int core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(core, &set);
  ::sched_setaffinity(0, sizeof set, &set);
}

/// A bench that is killed leaves nobody behind.
void end_with_parent() {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
}

void raise_files() {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
}

// ---------------------------------------------------------------- floods

struct Target {
  Path state;
  Path key;  ///< of an observer
  sockaddr_in address{};
};

int open_connection(const Target& target) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (fd >= 0)
    (void)::connect(fd, reinterpret_cast<const sockaddr*>(&target.address), sizeof target.address);
  return fd;
}

/// What a client says first (ZMTP 3.1, CURVE), and the beginning of a frame of so many bytes.
std::string greeting(std::uint64_t frame_bytes) {
  std::string bytes("\xff\0\0\0\0\0\0\0\1\x7f\3\1CURVE", 17);
  bytes.resize(64);
  bytes += '\2';
  for (int shift = 56; shift >= 0; shift -= 8) bytes += static_cast<char>(frame_bytes >> shift);
  return bytes;
}

/// Keeps many connections, each of which does `say` again and again, and renews the oldest.
void hold_connections(const Target& target, const std::function<void(int)>& say) {
  std::deque<int> open;
  while (true) {
    open.push_back(open_connection(target));
    say(open.back());
    for (std::size_t i = 0; i < open.size(); i += 1 + open.size() / 16) say(open[i]);
    if (open.size() < kConnectionsHeld) continue;
    ::close(open.front());
    open.pop_front();
  }
}

void send_bytes(int fd, const std::string& bytes) {
  (void)!::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

void flood_connections(const Target& target) {
  hold_connections(target, [](int) {});
}
void flood_half_frames(const Target& target) {
  const std::string half = greeting(200).substr(0, 70);
  hold_connections(target, [&](int fd) { send_bytes(fd, half); });
}
void flood_huge_lengths(const Target& target) {
  const std::string huge = greeting(60u << 20) + std::string(1u << 20, 'x');
  hold_connections(target, [&](int fd) { send_bytes(fd, huge); });
}

CurveClientOptions options_of(const Target& target) {
  return load_key_file(target.key, "", PeerRole::kClient).value();
}

void flood_strange_keys(const Target& target) {
  while (true) {
    auto options = options_of(target);
    options.keys = generate_keys().value();
    std::vector<std::unique_ptr<ClientSocket>> sockets;
    for (int i = 0; i < 16; ++i) sockets.push_back(connect_curve(options).value());
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

void flood_requests(const Target& target, const ClientRequest& request, int connections,
                    bool reads) {
  const Frame frame = make_frame(request);
  std::vector<std::unique_ptr<ClientSocket>> sockets;
  for (int i = 0; i < connections; ++i)
    sockets.push_back(connect_curve(options_of(target)).value());
  while (true) {
    for (const auto& socket : sockets) {
      (void)socket->send(frame);
      if (reads) (void)socket->receive(0);
    }
  }
}

const std::map<std::string, std::function<void(const Target&)>> kFloods = {
    {"none", [](const Target&) { ::pause(); }},
    {"connections", flood_connections},
    {"half-frames", flood_half_frames},
    {"huge-lengths", flood_huge_lengths},
    {"strange-keys", flood_strange_keys},
    {"requests", [](const Target& t) { flood_requests(t, StatusRequest{}, 1, true); }},
    {"requests-8", [](const Target& t) { flood_requests(t, StatusRequest{}, 8, true); }},
    {"costly", [](const Target& t) { flood_requests(t, JobsRequest{}, 1, true); }},
    {"unread", [](const Target& t) { flood_requests(t, JobsRequest{}, 8, false); }},
    {"large", [](const Target& t) {
       JobRequest request{JobRef(std::string(16u << 20, 'x'))};
       flood_requests(t, request, 4, true);
     }}};

// ---------------------------------------------------------------- the coordinator

class Coordinator {
 public:
  Coordinator() {
    std::string pattern = (std::filesystem::temp_directory_path() / "ta-flood-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    pid_ = ::fork();
    if (pid_ == 0) serve();
    while (!read_live_process(StateFolder(state()).pid_file())) system_clock().sleep_ms(10);
    TA_CHECK(add_key(state(), {"flooder", KeyRole::kObserve, folder_ / "flooder.key"}).ok());
  }
  ~Coordinator() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    std::filesystem::remove_all(folder_);
  }
  Path state() const { return folder_ / "state"; }
  Target target() const {
    Target target{.state = state(), .key = folder_ / "flooder.key"};
    const std::string endpoint = load_client_credentials(state())->endpoint;
    target.address.sin_family = AF_INET;
    target.address.sin_port = htons(
        static_cast<std::uint16_t>(std::atoi(endpoint.substr(endpoint.rfind(':') + 1).c_str())));
    target.address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return target;
  }
  /// A line of /proc/PID/status, in MiB.
  double mib(const std::string& name) const {
    const auto read = posix_file_system().read_file(format("/proc/{}/status", pid_), 1 << 16);
    const std::string text = read.ok() ? *read : "";
    const auto at = text.find(name + ":");
    return at == std::string::npos ? 0 : std::atof(text.c_str() + at + name.size() + 1) / 1024;
  }

 private:
  [[noreturn]] void serve() {
    end_with_parent();
    pin_to(0);
    (void)init_log({.component = "coordinator", .file = folder_ / "log"});
    ::_exit(service::run_coordinator({.state_folder = state(),
                                      .pool = service::PoolKind::kNone,
                                      .agent_program = "/nonexistent",
                                      .version = "bench"}));
  }

  Path folder_;
  pid_t pid_ = 0;
};

// ---------------------------------------------------------------- the good client

struct Figures {
  double median_ms = 0;
  double p99_ms = 0;
  double connect_ms = 0;  ///< of a new connection with one request, the median
  std::size_t answers = 0;
};

double quantile(std::vector<double> values, double at) {
  if (values.empty()) return -1;
  std::ranges::sort(values);
  return values[std::min(values.size() - 1,
                         static_cast<std::size_t>(at * static_cast<double>(values.size())))];
}

/// Milliseconds until the answer; negative: none came in time.
double ask(ClientSocket& client, const ClientRequest& request) {
  const auto start = Clock::now();
  TA_CHECK(client.send(make_frame(request)).ok());
  const auto reply = client.receive(kPatienceMs);
  if (!reply.ok() || !reply->has_value()) return -1;
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

double ask_as_newcomer(const CurveClientOptions& options) {
  const auto start = Clock::now();
  const auto client = connect_curve(options).value();
  if (ask(*client, StatusRequest{}) < 0) return -1;
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

/// `client` is connected already; a newcomer beside it asks now and then.
Figures measure(ClientSocket& client, const CurveClientOptions& options, double seconds) {
  std::vector<double> latencies;
  std::vector<double> connects;
  ask(client, StatusRequest{});
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  while (Clock::now() < end) {
    const double latency = ask(client, StatusRequest{});
    TA_CHECK(latency >= 0, "the good client got no answer");
    latencies.push_back(latency);
    if (latencies.size() % 200 == 0) connects.push_back(ask_as_newcomer(options));
    std::this_thread::sleep_for(std::chrono::microseconds(kGoodPaceUs));
  }
  return {quantile(latencies, 0.5), quantile(latencies, 0.99), quantile(connects, 0.5),
          latencies.size()};
}

void submit_jobs(const Path& state) {
  SubmitRequest submit{"bench", {"bench", "/w", {}}};
  for (int i = 0; i < kJobs; ++i) {
    submit.workflow.jobs.push_back(
        {.name = format("j{}", i), .kind = "scenes", .config_yaml = "a: 1\n"});
  }
  const auto client = connect_curve(load_client_credentials(state).value()).value();
  ask(*client, submit);
}

/// Of a newcomer, who may have got no answer in time.
std::string answered(double connect_ms) {
  return connect_ms < 0 ? "none" : format("{:.2f}", connect_ms);
}

void report(const std::string& name, const std::function<void(const Target&)>& flood,
            double seconds) {
  Coordinator coordinator;
  submit_jobs(coordinator.state());
  const auto options = load_client_credentials(coordinator.state()).value();
  const auto client = connect_curve(options).value();
  const Figures before = measure(*client, options, seconds);
  const double mib_before = coordinator.mib("VmRSS");
  const pid_t flooder = ::fork();
  if (flooder == 0) {
    end_with_parent();
    pin_to(1);
    flood(coordinator.target());
    ::_exit(0);
  }
  system_clock().sleep_ms(1'000);
  const Figures during = measure(*client, options, seconds);
  std::printf("%-13s %7.3f %7.3f %+6.1f %% %7.3f %7.3f %7s %7s %7.0f %7.0f\n", name.c_str(),
              before.median_ms, during.median_ms, 100 * (during.median_ms / before.median_ms - 1),
              before.p99_ms, during.p99_ms, answered(before.connect_ms).c_str(),
              answered(during.connect_ms).c_str(), mib_before, coordinator.mib("VmHWM"));
  std::fflush(stdout);
  ::kill(flooder, SIGKILL);
  ::waitpid(flooder, nullptr, 0);
}

int run(const std::vector<std::string>& words) {
  raise_files();
  pin_to(0);
  const double seconds = words.empty() ? 5 : std::atof(words[0].c_str());
  const bool all_known =
      std::all_of(words.begin() + (words.empty() ? 0 : 1), words.end(),
                  [](const std::string& word) { return kFloods.contains(word); });
  if (seconds < 1 || !all_known) {
    std::fprintf(stderr, "usage: flood_bench [SECONDS, 1 or more] [FLOOD...], of:");
    for (const auto& [name, flood] : kFloods) std::fprintf(stderr, " %s", name.c_str());
    std::fprintf(stderr, "\n");
    return 2;
  }
  std::printf("%-13s %7s %7s %8s %7s %7s %7s %7s %7s %7s\n", "flood", "median", "flooded", "slower",
              "p99", "flooded", "connect", "flooded", "MiB", "peak");
  for (const auto& [name, flood] : kFloods) {
    if (words.size() < 2 || std::ranges::find(words, name) != words.end())
      report(name, flood, seconds);
  }
  return 0;
}

}  // namespace
}  // namespace tagalign

int main(int argc, char** argv) {
  return tagalign::run({argv + 1, argv + argc});
}
