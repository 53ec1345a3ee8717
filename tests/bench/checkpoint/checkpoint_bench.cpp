// What a checkpoint costs, measured as checkpoint_bench.py asks: one line on stdin, one of
// JSON as its answer.
//     checkpoint_bench FOLDER MEGABYTES RANKS
//     write ours|beside|raw|direct COUNT  so many in one life of the ranks, the first unmeasured
//     read ours|raw THREADS           what the last of them left, in a fresh process
//     forget                          drops all that was written from the page cache
// `raw` writes the same bytes into as many files by write() and fdatasync(), `direct`
// past the page cache. `ours` waits for the copy at once, `beside` computes until it needs it.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <thread>

#include "base/format.h"
#include "checkpoint/load.h"
#include "checkpoint/save.h"
#include "tests/bench/checkpoint/passes.h"
#include "tests/bench/checkpoint/raw_files.h"
#include "tests/support/ranks/forked_ranks.h"

namespace tagalign {
namespace {

using checkpoint::Coordination;
using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kTensorBytes = 9'437'184;  // of 3 × 3 × 512 × 512 floats
constexpr auto kStep = std::chrono::milliseconds(2);

double ms_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

double cpu_ms() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto ms = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_usec) * 1e-3;
  };
  return ms(used.ru_utime) + ms(used.ru_stime);
}

struct Bench {
  Path folder;
  int world = 1;
  bench::State state;
};

std::vector<checkpoint::TensorView> views_of(const bench::State& state) {
  std::vector<checkpoint::TensorView> views;
  for (std::uint64_t at = 0; at < state.size(); at += kTensorBytes) {
    const ByteSpan bytes = state.bytes().subspan(at, std::min(kTensorBytes, state.size() - at));
    views.push_back({.name = format("layer.{:04}", views.size()),
                     .shape = {static_cast<std::int64_t>(bytes.size() / 4)},
                     .bytes = bytes});
  }
  return views;
}

/// Of one save on one rank, in milliseconds; `meetings` is the part of the stall that is no copy,
/// `slower` what the passes beside it took longer than without.
struct Times {
  double stall = 0, meetings = 0, durable = 0, cpu = 0, slower = 0;
};

/// As a training does it: steps between the meetings, and a vote with each whether all are ready.
Result<Times> save_ours(const Bench& bench, checkpoint::Saver& saver, const Coordination& seat,
                        std::uint64_t step, bench::Passes* passes) {
  checkpoint::RunPosition position;
  position.step = step;
  const double calm = passes == nullptr ? 0 : passes->run_ms();
  TA_RETURN_IF_ERROR(seat.all_gather("").status());
  const auto start = Clock::now();
  const double cpu = cpu_ms();
  TA_RETURN_IF_ERROR(saver.begin(views_of(bench.state), position));
  Times times{.stall = ms_since(start)};
  if (passes != nullptr) times.slower = passes->run_ms() - calm;
  const auto settling = Clock::now();
  saver.settle();
  times.stall += ms_since(settling);
  for (bool done = false; !done;) {
    std::this_thread::sleep_for(kStep);
    TA_ASSIGN_OR_RETURN(const auto votes, seat.all_gather(saver.ready() ? "ready" : ""));
    if (std::ranges::count(votes, "ready") != seat.world) continue;
    const auto met = Clock::now();
    TA_ASSIGN_OR_RETURN(const auto manifest, saver.meet(seat.all_gather));
    times.meetings += ms_since(met);
    done = manifest.has_value();
  }
  times.stall += times.meetings;
  times.durable = ms_since(start);
  times.cpu = cpu_ms() - cpu;
  return times;
}

Result<Times> save_raw(const Bench& bench, const Coordination& seat, bool direct) {
  const auto start = Clock::now();
  const double cpu = cpu_ms();
  const auto share = [&](int rank) {
    return bench.state.size() / bench::kPage * static_cast<std::uint64_t>(rank) /
           static_cast<std::uint64_t>(seat.world) * bench::kPage;
  };
  const Path folder = bench.folder / "raw";
  TA_RETURN_IF_ERROR(posix_file_system().create_directories(folder));
  const ByteSpan mine =
      bench.state.bytes().subspan(share(seat.rank), share(seat.rank + 1) - share(seat.rank));
  TA_RETURN_IF_ERROR(bench::write_file(folder / format("rank-{}", seat.rank), mine, direct));
  TA_RETURN_IF_ERROR(posix_file_system().sync_directory(folder));
  TA_RETURN_IF_ERROR(seat.all_gather("").status());
  const double took = ms_since(start);
  return Times{.stall = took, .durable = took, .cpu = cpu_ms() - cpu};
}

/// The slowest rank's times and the CPU of all, printed by rank 0.
Status tell(const Coordination& seat, const Times& mine) {
  TA_ASSIGN_OR_RETURN(const auto all,
                      seat.all_gather(format("{} {} {} {} {}", mine.stall, mine.meetings,
                                             mine.durable, mine.cpu, mine.slower)));
  Times sum;
  for (const std::string& text : all) {
    Times one;
    std::istringstream(text) >> one.stall >> one.meetings >> one.durable >> one.cpu >> one.slower;
    sum = {std::max(sum.stall, one.stall), std::max(sum.meetings, one.meetings),
           std::max(sum.durable, one.durable), sum.cpu + one.cpu, std::max(sum.slower, one.slower)};
  }
  if (seat.rank != 0) return ok_status();
  std::cout << format(R"({{"stall": {}, "meetings": {}, "durable": {}, "cpu": {}, "slower": {}}})",
                      sum.stall, sum.meetings, sum.durable, sum.cpu, sum.slower)
            << '\n'
            << std::flush;
  return ok_status();
}

Status write_all(const Bench& bench, const Coordination& seat, const std::string& what, int count) {
  FileSystem& files = posix_file_system();
  const bool beside = what == "beside", ours = beside || what == "ours";
  const Path place = bench.folder / (ours ? "ours" : "raw");
  std::optional<bench::Passes> passes;
  if (beside) passes.emplace();
  checkpoint::Saver saver(files, {bench.folder / "ours", {}}, seat.rank, seat.world);
  for (int save = 0; save < count; ++save) {
    if (seat.rank == 0) TA_RETURN_IF_ERROR(files.remove_all(place));  // equal room for everybody
    TA_RETURN_IF_ERROR(seat.all_gather("").status());
    Result<Times> times = ours ? save_ours(bench, saver, seat, static_cast<std::uint64_t>(save + 1),
                                           passes ? &*passes : nullptr)
                               : save_raw(bench, seat, what == "direct");
    if (!times.ok()) return times.status();
    if (save > 0) TA_RETURN_IF_ERROR(tell(seat, *times));
  }
  return ok_status();
}

Status read_all(const Bench& bench, const std::string& what, int threads) {
  const auto start = Clock::now();
  const double cpu = cpu_ms();
  if (what == "ours") {
    TA_ASSIGN_OR_RETURN(const auto newest,
                        checkpoint::load_newest(posix_file_system(), bench.folder / "ours",
                                                {.parts = {}, .threads = threads}));
    if (!newest.found) return not_found("read ours: nothing was written");
    std::uint64_t bytes = 0;
    for (const auto& [name, tensor] : newest.tensors) bytes += tensor.bytes.size();
    if (bytes != bench.state.size()) return data_loss("read ours: another number of bytes");
  } else {
    TA_RETURN_IF_ERROR(bench::read_files(bench.folder / "raw", threads));
  }
  std::cout << format(R"({{"restore": {}, "cpu": {}}})", ms_since(start), cpu_ms() - cpu) << '\n'
            << std::flush;
  return ok_status();
}

/// In processes of their own, so that each begins with the same memory.
bool answer(const Bench& bench, const std::string& line) {
  std::istringstream words(line);
  std::string verb, what;
  int number = 0;
  words >> verb >> what >> number;
  const bool writes = verb == "write";
  const auto pids = testing_support::fork_ranks(writes ? bench.world : 1, [&](const auto& seat) {
    const Status status = writes           ? write_all(bench, seat, what, number)
                          : verb == "read" ? read_all(bench, what, number)
                                           : bench::forget(bench.folder);
    if (!status.ok()) std::cerr << status.to_string() << '\n';
    return status.ok() ? 0 : 1;
  });
  if (!pids.ok()) return false;
  bool good = true;
  for (const ExitStatus& end : testing_support::wait_for(*pids)) good = good && end.ok();
  std::cout << (good ? "done" : "failed") << '\n' << std::flush;
  return good;
}

}  // namespace
}  // namespace tagalign

int main(int count, char** words) {
  using namespace tagalign;
  if (count != 4) return 2;
  Bench bench{.folder = words[1],
              .world = std::stoi(words[3]),
              .state = bench::State(std::stoull(words[2]) * 1'000'000)};
  std::string line;
  while (std::getline(std::cin, line)) {
    if (!answer(bench, line)) return 1;
  }
  return 0;
}
