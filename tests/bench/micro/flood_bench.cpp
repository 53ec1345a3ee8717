/// What a client that floods costs another one: latency, processor time and memory of the
/// coordinator beside those under a flooder that only takes as much of the machine ("burn").
///
///   build/bench/flood_bench [SECONDS] [FLOOD…] [--rounds=N] [--control=FLOOD] [--unpinned]
///
/// A flooder is another machine as a rule. Hence the coordinator and the good client share the first
/// core, and the flooder has the second for itself; --unpinned lets the system place them. A round is
/// SECONDS of the control, then SECONDS of the flood, at the same coordinator; medians over the
/// rounds. Of the floods, "elsewhere" shows what the kernel's part costs on one machine: it connects
/// to a socket of its own.
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <new>
#include <string_view>
#include <thread>

#include "base/clock.h"
#include "base/format.h"
#include "base/log.h"
#include "coordinator/keys/given_keys.h"
#include "coordinator/keys/state_folder.h"
#include "coordinator/service/daemon.h"
#include "coordinator/wire/codec.h"
#include "tests/bench/micro/floods.h"

namespace tagalign::bench {
namespace {

using namespace wire;
using Clock = std::chrono::steady_clock;

constexpr int kGoodPaceUs = 2'000;
constexpr std::int64_t kPatienceMs = 5'000;
constexpr std::int64_t kFloodRisesMs = 1'000;
constexpr std::int64_t kNewcomerEveryMs = 1'000;
constexpr int kJobs = 1'000;

struct Settings {
  double seconds = 5;
  int rounds = 1;
  std::string_view control = "burn";  ///< the flood that the others are compared with
  bool pinned = std::thread::hardware_concurrency() >= 2;
};

void pin_to(int core, const Settings& settings) {
  if (!settings.pinned) return;
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

// ---------------------------------------------------------------- the coordinator

class Coordinator {
 public:
  explicit Coordinator(const Settings& settings) {
    std::string pattern = (std::filesystem::temp_directory_path() / "ta-flood-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    pid_ = ::fork();
    if (pid_ == 0) serve(settings);
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
  /// That all its threads have had, in seconds.
  double processor_s() const {
    clockid_t clock{};
    timespec time{};
    if (::clock_getcpuclockid(pid_, &clock) != 0 || ::clock_gettime(clock, &time) != 0) return 0;
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
  }

 private:
  [[noreturn]] void serve(const Settings& settings) {
    end_with_parent();
    pin_to(0, settings);
    (void)!std::freopen("/dev/null", "w", stderr);  // what it has to say is in its log
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

double quantile(std::vector<double>& values, double at) {
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

// ---------------------------------------------------------------- the flooder

class Flooder {
 public:
  Flooder(const Flood& flood, const Target& target, const Settings& settings) {
    void* memory = ::mmap(nullptr, sizeof(FloodCount), PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    TA_CHECK(memory != MAP_FAILED, "memory for the flooder's count");
    count_ = new (memory) FloodCount;
    pid_ = ::fork();
    if (pid_ != 0) return;
    end_with_parent();
    pin_to(1, settings);
    flood(target, *count_);
    ::_exit(0);
  }
  ~Flooder() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    ::munmap(count_, sizeof *count_);
  }
  const FloodCount& count() const { return *count_; }

 private:
  FloodCount* count_ = nullptr;
  pid_t pid_ = 0;
};

// ---------------------------------------------------------------- figures

/// Of one stretch of time with one flooder.
struct Figures {
  double median_ms = 0;
  double p99_ms = 0;
  double newcomer_ms = 0;            ///< the median; negative: no answer came
  std::vector<double> newcomers_ms;  ///< connection, handshake and one answer; negative: none came
  double answers = 0;
  double wall_s = 0;
  double processor_s = 0;  ///< of the coordinator
  double tries_per_s = 0;
  double frames_per_s = 0;
  double mib_per_s = 0;
};

/// `client` is connected already; beside it a newcomer asks every second.
Figures ask_for(ClientSocket& client, const CurveClientOptions& options, double seconds) {
  Figures figures;
  std::vector<double> latencies;
  std::atomic<bool> over = false;
  std::thread newcomers([&] {
    for (; !over; system_clock().sleep_ms(kNewcomerEveryMs))
      figures.newcomers_ms.push_back(ask_as_newcomer(options));
  });
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  while (Clock::now() < end) {
    const double latency = ask(client, StatusRequest{});
    TA_CHECK(latency >= 0, "the good client got no answer");
    latencies.push_back(latency);
    std::this_thread::sleep_for(std::chrono::microseconds(kGoodPaceUs));
  }
  over = true;
  newcomers.join();
  figures.newcomer_ms = quantile(figures.newcomers_ms, 0.5);
  figures.median_ms = quantile(latencies, 0.5);
  figures.p99_ms = quantile(latencies, 0.99);
  figures.answers = static_cast<double>(latencies.size());
  return figures;
}

Figures measure(const Coordinator& coordinator, const Flood& flood, ClientSocket& client,
                const CurveClientOptions& options, const Settings& settings) {
  const Flooder flooder(flood, coordinator.target(), settings);
  system_clock().sleep_ms(kFloodRisesMs);
  const FloodCount& count = flooder.count();
  const auto tries = count.tries.load(), frames = count.frames.load(), bytes = count.bytes.load();
  const double processor_s = coordinator.processor_s();
  const auto start = Clock::now();
  Figures figures = ask_for(client, options, settings.seconds);
  figures.wall_s = std::chrono::duration<double>(Clock::now() - start).count();
  figures.processor_s = coordinator.processor_s() - processor_s;
  const auto rate = [&](std::uint64_t now, std::uint64_t before) {
    return static_cast<double>(now - before) / figures.wall_s;
  };
  figures.tries_per_s = rate(count.tries, tries);
  figures.frames_per_s = rate(count.frames, frames);
  figures.mib_per_s = rate(count.bytes, bytes) / (1u << 20);
  return figures;
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

// ---------------------------------------------------------------- the table

double median_of(const std::vector<Figures>& rounds, double (*figure)(const Figures&)) {
  std::vector<double> values;
  for (const Figures& round : rounds) values.push_back(figure(round));
  return quantile(values, 0.5);
}

std::string percent(double now, double before) {
  return format("{:+.1f} %", 100 * (now / before - 1));
}

/// The slowest of the newcomers, and how many got no answer in time.
std::string slowest(const std::vector<Figures>& rounds) {
  double slowest = 0;
  int unanswered = 0;
  for (const Figures& round : rounds) {
    for (const double ms : round.newcomers_ms) {
      slowest = std::max(slowest, ms);
      unanswered += ms < 0 ? 1 : 0;
    }
  }
  return unanswered > 0 ? format("{} without", unanswered) : format("{:.0f}", slowest);
}

constexpr const char* kRow =
    "%-13s %7s %7s %9s %7s %7s %9s %9s %10s %8s %8s %7s %8s %8s %8s %6s %6s\n";

void print_heads() {
  std::printf(kRow, "", "median", "", "", "p99", "", "", "newcomer", "", "us of", "flood's",
              "asked", "", "", "", "", "");
  std::printf(kRow, "flood", "control", "flood", "slower", "control", "flood", "slower", "median",
              "slowest", "a reply", "share", "conn/s", "frames/s", "MiB/s", "answers", "MiB",
              "peak");
}

void print_row(const std::string& name, const std::vector<Figures>& burns,
               const std::vector<Figures>& floods, double mib_before, double mib_peak) {
  const auto ms = [](double value) { return format("{:.3f}", value); };
  const auto count = [](double value) { return format("{:.0f}", value); };
  const auto both = [&](double (*figure)(const Figures&)) {
    return std::pair(median_of(burns, figure), median_of(floods, figure));
  };
  const auto [median_burn, median_flood] = both([](const Figures& f) { return f.median_ms; });
  const auto [p99_burn, p99_flood] = both([](const Figures& f) { return f.p99_ms; });
  const auto of_flood = [&](double (*figure)(const Figures&)) {
    return count(median_of(floods, figure));
  };
  const double newcomer = median_of(floods, [](const Figures& f) { return f.newcomer_ms; });
  const double reply_us =
      median_of(burns, [](const Figures& f) { return 1e6 * f.processor_s / f.answers; });
  const auto [busy_burn, busy_flood] =
      both([](const Figures& f) { return f.processor_s / f.wall_s; });
  std::printf(kRow, name.c_str(), ms(median_burn).c_str(), ms(median_flood).c_str(),
              percent(median_flood, median_burn).c_str(), ms(p99_burn).c_str(),
              ms(p99_flood).c_str(), percent(p99_flood, p99_burn).c_str(), count(newcomer).c_str(),
              slowest(floods).c_str(), count(reply_us).c_str(),
              format("{:.1f} %", 100 * (busy_flood - busy_burn)).c_str(),
              of_flood([](const Figures& f) { return f.tries_per_s; }).c_str(),
              of_flood([](const Figures& f) { return f.frames_per_s; }).c_str(),
              of_flood([](const Figures& f) { return f.mib_per_s; }).c_str(),
              of_flood([](const Figures& f) { return f.answers; }).c_str(),
              count(mib_before).c_str(), count(mib_peak).c_str());
  std::fflush(stdout);
}

void report(const std::string& name, const Settings& settings) {
  const Coordinator coordinator(settings);
  submit_jobs(coordinator.state());
  const auto options = load_client_credentials(coordinator.state()).value();
  const auto client = connect_curve(options).value();
  ask(*client, StatusRequest{});
  std::vector<Figures> burns;
  std::vector<Figures> flooded;
  const double mib_before = coordinator.mib("VmRSS");
  for (int round = 0; round < settings.rounds; ++round) {
    burns.push_back(measure(coordinator, floods().at(std::string(settings.control)), *client,
                            options, settings));
    flooded.push_back(measure(coordinator, floods().at(name), *client, options, settings));
  }
  print_row(name, burns, flooded, mib_before, coordinator.mib("VmHWM"));
}

int usage() {
  std::fprintf(stderr,
               "usage: flood_bench [SECONDS, 1 or more] [FLOOD...] [--rounds=N] [--control=FLOOD] "
               "[--unpinned]; floods:");
  for (const auto& [name, flood] : floods()) std::fprintf(stderr, " %s", name.c_str());
  std::fprintf(stderr, "\n");
  return 2;
}

int run(const std::vector<std::string>& words) {
  Settings settings;
  std::vector<std::string> chosen;
  for (const std::string& word : words) {
    if (word.starts_with("--rounds="))
      settings.rounds = std::atoi(word.c_str() + 9);
    else if (word.starts_with("--control=") && floods().contains(word.substr(10)))
      settings.control = std::string_view(word).substr(10);
    else if (word == "--unpinned")
      settings.pinned = false;
    else if (&word == words.data())
      settings.seconds = std::atof(word.c_str());
    else if (floods().contains(word))
      chosen.push_back(word);
    else
      return usage();
  }
  if (settings.seconds < 1 || settings.rounds < 1) return usage();
  raise_files();
  pin_to(0, settings);
  print_heads();
  for (const auto& [name, flood] : floods()) {
    if (chosen.empty() || std::ranges::find(chosen, name) != chosen.end()) report(name, settings);
  }
  return 0;
}

}  // namespace
}  // namespace tagalign::bench

int main(int argc, char** argv) {
  return tagalign::bench::run({argv + 1, argv + argc});
}
