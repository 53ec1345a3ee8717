#include <mpi.h>
#include <stdlib.h>

#include <algorithm>
#include <atomic>
#include <mutex>

#include "base/clock.h"
#include "base/format.h"
#include "worker/collectives/mpi_environment.h"
#include "worker/collectives/polling_posix.h"

namespace tagalign::collectives {
namespace {

/// Below: one message each way beats two rounds.
constexpr std::size_t kGatherAllValuesMax = 16'384;
constexpr std::size_t kValuesPerRoundMax = std::size_t{1} << 28;  ///< MPI counts are ints

/// Set when a group fails: ending MPI would wait for ranks that may be gone.
std::atomic<bool>& broken() {
  static std::atomic<bool> flag{false};
  return flag;
}

std::string mpi_message(int code) {
  char text[MPI_MAX_ERROR_STRING] = {};
  int length = 0;
  MPI_Error_string(code, text, &length);
  return {text, static_cast<std::size_t>(length)};
}

/// Memory that MPI reads and writes. Never freed while a request may still use it.
struct Buffers {
  std::vector<float> values, parts;
  std::vector<std::uint64_t> words;
  std::string text, texts;
  std::vector<int> send_counts, send_offsets, receive_counts, receive_offsets;
};

class MpiGroup final : public CollectiveGroup {
 public:
  MpiGroup(MPI_Comm communicator, int rank, int size, std::int64_t timeout_ms)
      : communicator_(communicator), rank_(rank), size_(size), timeout_ms_(timeout_ms) {}
  ~MpiGroup() override {
    if (failure_.ok()) {
      MPI_Comm_free(&communicator_);
    } else {
      (void)buffers_.release();
    }
  }

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  Memory memory() const override { return Memory::kHost; }

  Status all_reduce_sum(std::span<float> values) override;
  Status all_gather(std::span<const float> mine, std::span<float> gathered) override;
  Status all_reduce_sum_u64(std::span<std::uint64_t> values) override {
    return all_reduce_u64("all_reduce_sum_u64", values, MPI_SUM);
  }
  Status all_reduce_max_u64(std::span<std::uint64_t> values) override {
    return all_reduce_u64("all_reduce_max_u64", values, MPI_MAX);
  }
  Result<std::vector<std::string>> all_gather_strings(const std::string& mine) override;
  Status barrier() override;

  void abort(const std::string& reason) override {
    const std::lock_guard lock(abort_mutex_);
    if (!aborted_.load()) abort_reason_ = reason;
    aborted_.store(true);
  }

 private:
  std::size_t count() const { return static_cast<std::size_t>(size_); }
  Status begin(const char* collective);
  /// Waits for the request that `start` makes, up to the group's deadline.
  template <class Start>
  Status run(const Start& start);
  Status fail(Status status);
  Status reduce_round(std::span<float> values);
  Status gather_and_sum(std::span<float> values);
  Status exchange_and_sum(std::span<float> values);
  Status all_reduce_u64(const char* collective, std::span<std::uint64_t> values, MPI_Op operation);

  MPI_Comm communicator_;
  const int rank_;
  const int size_;
  const std::int64_t timeout_ms_;
  const char* collective_ = "";
  std::uint64_t sequence_ = 0;
  Status failure_;
  std::unique_ptr<Buffers> buffers_ = std::make_unique<Buffers>();
  std::atomic<bool> aborted_{false};
  std::mutex abort_mutex_;
  std::string abort_reason_;
};

Status MpiGroup::fail(Status status) {
  failure_ = status.with_context(
      format("{} number {} on rank {} of {}", collective_, sequence_, rank_, size_));
  broken().store(true);
  return failure_;
}

Status MpiGroup::begin(const char* collective) {
  ++sequence_;
  collective_ = collective;
  return failure_;
}

template <class Start>
Status MpiGroup::run(const Start& start) {
  MPI_Request request = MPI_REQUEST_NULL;
  if (const int code = start(&request); code != MPI_SUCCESS)
    return fail(peer_lost(mpi_message(code)));
  const MonotonicMs deadline = system_clock().monotonic_ms() + timeout_ms_;
  Pause pause;
  while (true) {
    int done = 0;
    const int code = MPI_Test(&request, &done, MPI_STATUS_IGNORE);
    if (code != MPI_SUCCESS) return fail(peer_lost(mpi_message(code)));
    if (done != 0) return ok_status();
    if (aborted_.load()) {
      const std::lock_guard lock(abort_mutex_);
      return fail(peer_lost(format("the group was aborted: {}", abort_reason_)));
    }
    if (system_clock().monotonic_ms() > deadline) {
      return fail(timed_out(format("not all ranks came within {} ms", timeout_ms_)));
    }
    pause.rest();
  }
}

Status MpiGroup::gather_and_sum(std::span<float> values) {
  Buffers& b = *buffers_;
  const std::size_t length = values.size();
  b.values.assign(values.begin(), values.end());
  b.parts.resize(length * count());
  TA_RETURN_IF_ERROR(run([&](MPI_Request* request) {
    return MPI_Iallgather(b.values.data(), static_cast<int>(length), MPI_FLOAT, b.parts.data(),
                          static_cast<int>(length), MPI_FLOAT, communicator_, request);
  }));
  std::copy_n(b.parts.begin(), length, values.begin());
  for (std::size_t rank = 1; rank < count(); ++rank) {
    for (std::size_t i = 0; i < length; ++i) values[i] += b.parts[rank * length + i];
  }
  return ok_status();
}

/// Each rank receives everybody's values of its stretch, adds them in rank order, and hands the
/// sums round: the traffic of a ring, with an order of addition that no library version changes.
Status MpiGroup::exchange_and_sum(std::span<float> values) {
  Buffers& b = *buffers_;
  const auto cut = [&](std::size_t rank) {
    return static_cast<int>(values.size() * rank / count());
  };
  const auto me = static_cast<std::size_t>(rank_);
  const int mine = cut(me + 1) - cut(me);
  b.values.assign(values.begin(), values.end());
  b.parts.resize(static_cast<std::size_t>(mine) * count());
  b.send_counts.clear(), b.send_offsets.clear(), b.receive_offsets.clear();
  b.receive_counts.assign(count(), mine);
  for (std::size_t rank = 0; rank < count(); ++rank) {
    b.send_counts.push_back(cut(rank + 1) - cut(rank));
    b.send_offsets.push_back(cut(rank));
    b.receive_offsets.push_back(static_cast<int>(rank) * mine);
  }
  TA_RETURN_IF_ERROR(run([&](MPI_Request* request) {
    return MPI_Ialltoallv(b.values.data(), b.send_counts.data(), b.send_offsets.data(), MPI_FLOAT,
                          b.parts.data(), b.receive_counts.data(), b.receive_offsets.data(),
                          MPI_FLOAT, communicator_, request);
  }));
  const std::size_t length = b.parts.size() / count();
  for (std::size_t rank = 1; rank < count(); ++rank) {
    for (std::size_t i = 0; i < length; ++i) b.parts[i] += b.parts[rank * length + i];
  }
  TA_RETURN_IF_ERROR(run([&](MPI_Request* request) {
    return MPI_Iallgatherv(b.parts.data(), mine, MPI_FLOAT, b.values.data(), b.send_counts.data(),
                           b.send_offsets.data(), MPI_FLOAT, communicator_, request);
  }));
  std::copy(b.values.begin(), b.values.end(), values.begin());
  return ok_status();
}

Status MpiGroup::reduce_round(std::span<float> values) {
  return values.size() * count() <= kGatherAllValuesMax ? gather_and_sum(values)
                                                        : exchange_and_sum(values);
}

Status MpiGroup::all_reduce_sum(std::span<float> values) {
  TA_RETURN_IF_ERROR(begin("all_reduce_sum"));
  while (!values.empty() && size_ > 1) {
    const std::span<float> round = values.first(std::min(values.size(), kValuesPerRoundMax));
    TA_RETURN_IF_ERROR(reduce_round(round));
    values = values.subspan(round.size());
  }
  return ok_status();
}

Status MpiGroup::all_gather(std::span<const float> mine, std::span<float> gathered) {
  TA_CHECK(gathered.size() == mine.size() * count() && mine.size() <= kValuesPerRoundMax);
  TA_RETURN_IF_ERROR(begin("all_gather"));
  Buffers& b = *buffers_;
  b.values.assign(mine.begin(), mine.end());
  b.parts.resize(gathered.size());
  TA_RETURN_IF_ERROR(run([&](MPI_Request* request) {
    const int length = static_cast<int>(b.values.size());
    return MPI_Iallgather(b.values.data(), length, MPI_FLOAT, b.parts.data(), length, MPI_FLOAT,
                          communicator_, request);
  }));
  std::copy(b.parts.begin(), b.parts.end(), gathered.begin());
  return ok_status();
}

Status MpiGroup::all_reduce_u64(const char* collective, std::span<std::uint64_t> values,
                                MPI_Op operation) {
  TA_CHECK(values.size() <= kValuesPerRoundMax);
  TA_RETURN_IF_ERROR(begin(collective));
  Buffers& b = *buffers_;
  b.words.assign(values.begin(), values.end());
  TA_RETURN_IF_ERROR(run([&](MPI_Request* request) {
    return MPI_Iallreduce(MPI_IN_PLACE, b.words.data(), static_cast<int>(b.words.size()),
                          MPI_UINT64_T, operation, communicator_, request);
  }));
  std::copy(b.words.begin(), b.words.end(), values.begin());
  return ok_status();
}

Result<std::vector<std::string>> MpiGroup::all_gather_strings(const std::string& mine) {
  TA_RETURN_IF_ERROR(begin("all_gather_strings"));
  Buffers& b = *buffers_;
  b.text = mine;
  b.words.assign(count() + 1, 0);
  b.words[count()] = mine.size();
  TA_RETURN_IF_ERROR(run([&](MPI_Request* request) {
    return MPI_Iallgather(&b.words[count()], 1, MPI_UINT64_T, b.words.data(), 1, MPI_UINT64_T,
                          communicator_, request);
  }));
  std::uint64_t total = 0;
  b.receive_counts.clear(), b.receive_offsets.clear();
  for (std::size_t rank = 0; rank < count(); ++rank) {
    if (b.words[rank] > INT32_MAX - total)
      return fail(invalid_argument("strings of more than 2 GiB in all"));
    b.receive_counts.push_back(static_cast<int>(b.words[rank]));
    b.receive_offsets.push_back(static_cast<int>(total));
    total += b.words[rank];
  }
  b.texts.resize(total);
  TA_RETURN_IF_ERROR(run([&](MPI_Request* request) {
    return MPI_Iallgatherv(b.text.data(), static_cast<int>(b.text.size()), MPI_BYTE, b.texts.data(),
                           b.receive_counts.data(), b.receive_offsets.data(), MPI_BYTE,
                           communicator_, request);
  }));
  std::vector<std::string> all;
  for (std::size_t rank = 0; rank < count(); ++rank) {
    all.push_back(b.texts.substr(static_cast<std::size_t>(b.receive_offsets[rank]),
                                 static_cast<std::size_t>(b.receive_counts[rank])));
  }
  return all;
}

Status MpiGroup::barrier() {
  TA_RETURN_IF_ERROR(begin("barrier"));
  return run([&](MPI_Request* request) { return MPI_Ibarrier(communicator_, request); });
}

}  // namespace

Result<std::unique_ptr<MpiEnvironment>> MpiEnvironment::start() {
  int running = 0;
  MPI_Initialized(&running);
  TA_CHECK(running == 0, "MpiEnvironment is made once a process");
  // Containers often forbid the system call behind single copies; OpenMPI then prints errors. One
  // copy more is cheap.
  ::setenv("OMPI_MCA_btl_vader_single_copy_mechanism", "none", 0);
  int provided = MPI_THREAD_SINGLE;
  if (const int code = MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &provided);
      code != MPI_SUCCESS) {
    return unavailable(format("start MPI: {}", mpi_message(code)));
  }
  if (provided < MPI_THREAD_SERIALIZED) {
    MPI_Finalize();
    return unavailable(
        format("start MPI: expected thread level {}, found {}", MPI_THREAD_SERIALIZED, provided));
  }
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  std::unique_ptr<MpiEnvironment> environment(new MpiEnvironment);
  MPI_Comm_rank(MPI_COMM_WORLD, &environment->rank_);
  MPI_Comm_size(MPI_COMM_WORLD, &environment->world_);
  MPI_Comm node = MPI_COMM_NULL;
  const int code = MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, environment->rank_,
                                       MPI_INFO_NULL, &node);
  if (code != MPI_SUCCESS)
    return unavailable(format("find the ranks of this machine: {}", mpi_message(code)));
  MPI_Comm_rank(node, &environment->local_rank_);
  MPI_Comm_free(&node);
  return environment;
}

MpiEnvironment::~MpiEnvironment() {
  if (!broken().load()) MPI_Finalize();
}

Result<std::unique_ptr<CollectiveGroup>> make_mpi_group(const MpiEnvironment& environment,
                                                        std::int64_t timeout_ms) {
  TA_CHECK(timeout_ms > 0);
  MPI_Comm communicator = MPI_COMM_NULL;
  if (const int code = MPI_Comm_dup(MPI_COMM_WORLD, &communicator); code != MPI_SUCCESS) {
    return unavailable(format("form an MPI group: {}", mpi_message(code)));
  }
  MPI_Comm_set_errhandler(communicator, MPI_ERRORS_RETURN);
  return std::unique_ptr<CollectiveGroup>(std::make_unique<MpiGroup>(
      communicator, environment.rank(), environment.world(), timeout_ms));
}

}  // namespace tagalign::collectives
