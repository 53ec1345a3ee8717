#include <cuda_runtime_api.h>
#include <nccl.h>

#include <atomic>
#include <cstring>
#include <mutex>

#include "base/clock.h"
#include "base/format.h"
#include "worker/collectives/nccl_group.h"
#include "worker/collectives/polling_posix.h"

namespace tagalign::collectives {
namespace {

Status cuda_status(cudaError_t code, const char* operation) {
  if (code == cudaSuccess) return ok_status();
  return unavailable(format("{}: {}", operation, cudaGetErrorString(code)));
}

class NcclGroup final : public CollectiveGroup {
 public:
  NcclGroup(CollectiveGroup& control, int device, std::int64_t timeout_ms)
      : control_(control), device_(device), timeout_ms_(timeout_ms) {}
  ~NcclGroup() override;

  /// Collective: stream, events and communicator. Ranks whose GPU fails take the others with them.
  Status form();

  int rank() const override { return control_.rank(); }
  int size() const override { return control_.size(); }
  Memory memory() const override { return Memory::kDevice; }

  Status all_reduce_sum(std::span<float> values) override {
    return run("all_reduce_sum", [&] {
      return ncclAllReduce(values.data(), values.data(), values.size(), ncclFloat32, ncclSum,
                           communicator_, stream_);
    });
  }
  Status all_gather(std::span<const float> mine, std::span<float> gathered) override {
    TA_CHECK(gathered.size() == mine.size() * static_cast<std::size_t>(size()));
    return run("all_gather", [&] {
      return ncclAllGather(mine.data(), gathered.data(), mine.size(), ncclFloat32, communicator_,
                           stream_);
    });
  }

  Status all_reduce_sum_u64(std::span<std::uint64_t> values) override {
    TA_RETURN_IF_ERROR(begin("all_reduce_sum_u64"));
    return control_.all_reduce_sum_u64(values);
  }
  Status all_reduce_max_u64(std::span<std::uint64_t> values) override {
    TA_RETURN_IF_ERROR(begin("all_reduce_max_u64"));
    return control_.all_reduce_max_u64(values);
  }
  Result<std::vector<std::string>> all_gather_strings(const std::string& mine) override {
    TA_RETURN_IF_ERROR(begin("all_gather_strings"));
    return control_.all_gather_strings(mine);
  }
  Status barrier() override {
    TA_RETURN_IF_ERROR(begin("barrier"));
    return control_.barrier();
  }

  void abort(const std::string& reason) override {
    {
      const std::lock_guard lock(abort_mutex_);
      if (!aborted_.load()) abort_reason_ = reason;
      aborted_.store(true);
    }
    control_.abort(reason);
  }

 private:
  Status begin(const char* collective) {
    ++sequence_;
    collective_ = collective;
    return failure_;
  }
  Status fail(Status status);
  Status open_device();
  Status exchange_id(ncclUniqueId& id, const Status& local);
  /// Looks at `finished` (which says yes, no, or an error) until it says yes.
  template <class Finished>
  Status wait(const Finished& finished);
  /// Nothing is left to be set up: required between the calls of a non-blocking communicator.
  Result<bool> communicator_is_idle() const;
  template <class Start>
  Status run(const char* collective, const Start& start);

  CollectiveGroup& control_;
  const int device_;
  const std::int64_t timeout_ms_;
  ncclComm_t communicator_ = nullptr;
  cudaStream_t stream_ = nullptr;
  cudaEvent_t before_ = nullptr, after_ = nullptr;
  const char* collective_ = "form";
  std::uint64_t sequence_ = 0;
  Status failure_;
  std::atomic<bool> aborted_{false};
  std::mutex abort_mutex_;
  std::string abort_reason_;
};

NcclGroup::~NcclGroup() {
  cudaSetDevice(device_);
  if (communicator_ != nullptr) {
    const ncclResult_t code = ncclCommFinalize(communicator_);
    const bool begun = code == ncclSuccess || code == ncclInProgress;
    // A wait that fails has aborted the communicator already.
    if (begun && wait([&] { return communicator_is_idle(); }).ok()) ncclCommDestroy(communicator_);
  }
  if (before_ != nullptr) cudaEventDestroy(before_);
  if (after_ != nullptr) cudaEventDestroy(after_);
  if (stream_ != nullptr) cudaStreamDestroy(stream_);
}

Status NcclGroup::fail(Status status) {
  failure_ = status.with_context(
      format("nccl {} number {} on rank {} of {}", collective_, sequence_, rank(), size()));
  if (communicator_ != nullptr) ncclCommAbort(communicator_);
  communicator_ = nullptr;
  return failure_;
}

Result<bool> NcclGroup::communicator_is_idle() const {
  ncclResult_t state = ncclSuccess;
  ncclResult_t code = ncclCommGetAsyncError(communicator_, &state);
  if (code == ncclSuccess) code = state;
  if (code == ncclSuccess || code == ncclInProgress) return code == ncclSuccess;
  return peer_lost(ncclGetErrorString(code));
}

template <class Finished>
Status NcclGroup::wait(const Finished& finished) {
  const MonotonicMs deadline = system_clock().monotonic_ms() + timeout_ms_;
  Pause pause;
  while (true) {
    const Result<bool> done = finished();
    if (!done.ok()) return fail(done.status());
    if (*done) return ok_status();
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

Status NcclGroup::open_device() {
  int devices = 0;
  if (const cudaError_t code = cudaGetDeviceCount(&devices);
      code != cudaSuccess || device_ >= devices) {
    return unsupported(
        format("GPU {}: this machine has {} ({})", device_, devices, cudaGetErrorString(code)));
  }
  TA_RETURN_IF_ERROR(cuda_status(cudaSetDevice(device_), "select the GPU"));
  TA_RETURN_IF_ERROR(cuda_status(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking),
                                 "create a CUDA stream"));
  TA_RETURN_IF_ERROR(cuda_status(cudaEventCreateWithFlags(&before_, cudaEventDisableTiming),
                                 "create a CUDA event"));
  return cuda_status(cudaEventCreateWithFlags(&after_, cudaEventDisableTiming),
                     "create a CUDA event");
}

/// Every rank says whether its GPU is ready ("ok", from rank 0 with the communicator's id); one
/// that is not ends all.
Status NcclGroup::exchange_id(ncclUniqueId& id, const Status& local) {
  std::string mine = local.ok() ? "ok" : local.message();
  if (local.ok() && rank() == 0) {
    const ncclResult_t code = ncclGetUniqueId(&id);
    mine = code == ncclSuccess ? mine + std::string(id.internal, sizeof id.internal)
                               : ncclGetErrorString(code);
  }
  TA_ASSIGN_OR_RETURN(const std::vector<std::string> all, control_.all_gather_strings(mine));
  for (std::size_t rank = 0; rank < all.size(); ++rank) {
    const std::size_t expected = rank == 0 ? 2 + sizeof id.internal : 2;
    if (!all[rank].starts_with("ok") || all[rank].size() != expected) {
      return unsupported(format("rank {}: {}", rank, all[rank]));
    }
  }
  std::memcpy(id.internal, all[0].data() + 2, sizeof id.internal);
  return ok_status();
}

Status NcclGroup::form() {
  ncclUniqueId id{};
  TA_RETURN_IF_ERROR(exchange_id(id, open_device()));
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.blocking = 0;
  const ncclResult_t code = ncclCommInitRankConfig(&communicator_, size(), id, rank(), &config);
  if (code != ncclSuccess && code != ncclInProgress)
    return fail(peer_lost(ncclGetErrorString(code)));
  return wait([&] { return communicator_is_idle(); });
}

template <class Start>
Status NcclGroup::run(const char* collective, const Start& start) {
  TA_RETURN_IF_ERROR(begin(collective));
  Status status = cuda_status(cudaSetDevice(device_), "select the GPU");
  if (status.ok())
    status = cuda_status(cudaEventRecord(before_, cudaStreamLegacy), "mark the caller's work");
  if (status.ok())
    status = cuda_status(cudaStreamWaitEvent(stream_, before_, 0), "wait for the caller's work");
  if (!status.ok()) return fail(status);
  const ncclResult_t code = start();
  if (code != ncclSuccess && code != ncclInProgress)
    return fail(peer_lost(ncclGetErrorString(code)));
  TA_RETURN_IF_ERROR(wait([&] { return communicator_is_idle(); }));
  status = cuda_status(cudaEventRecord(after_, stream_), "mark the end of a collective");
  if (!status.ok()) return fail(status);
  return wait([&]() -> Result<bool> {
    const cudaError_t state = cudaEventQuery(after_);
    if (state == cudaSuccess) return true;
    if (state != cudaErrorNotReady) return peer_lost(cudaGetErrorString(state));
    const Result<bool> idle = communicator_is_idle();
    return idle.ok() ? Result<bool>(false) : idle;
  });
}

}  // namespace

Result<std::unique_ptr<CollectiveGroup>> make_nccl_group(CollectiveGroup& control, int device,
                                                         std::int64_t timeout_ms) {
  TA_CHECK(device >= 0 && timeout_ms > 0);
  auto group = std::make_unique<NcclGroup>(control, device, timeout_ms);
  if (Status status = group->form(); !status.ok()) return status.with_context("form an NCCL group");
  return std::unique_ptr<CollectiveGroup>(std::move(group));
}

}  // namespace tagalign::collectives
