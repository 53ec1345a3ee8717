#include <algorithm>
#include <atomic>
#include <system_error>
#include <thread>
#include <utility>

#include "base/format.h"
#include "checkpoint/format/layout.h"
#include "checkpoint/format/manifest.h"
#include "checkpoint/format/safetensors_header.h"
#include "checkpoint/format/shard_plan.h"
#include "checkpoint/save.h"
#include "checkpoint/write/assemble.h"
#include "checkpoint/write/publish.h"
#include "checkpoint/write/report.h"
#include "checkpoint/write/shard_image.h"

namespace tagalign::checkpoint {
namespace {

Status check_tensors(const std::vector<TensorView>& tensors) {
  TA_RETURN_IF_ERROR(check_parts(tensors));
  for (const TensorView& tensor : tensors) {
    if (!looks_like_slice(tensor.name)) continue;
    return invalid_argument(
        format("tensor name '{}': it must not end like a slice, [0:1]", tensor.name));
  }
  return ok_status();
}

/// Digest of what must be equal on all ranks.
Result<std::string> plan_digest(const RunPosition& position, const std::vector<TensorView>& laid) {
  ManifestContent plan;
  plan.position = position;
  for (const TensorView& tensor : laid) {
    if (!is_sharded(tensor)) plan.tensors.push_back({tensor.name, tensor.dtype, tensor.shape, {}});
  }
  TA_ASSIGN_OR_RETURN(const std::string text, encode_manifest(plan));
  return digest128(as_bytes(text)).hex();
}

/// The image's, and the tensors of which nothing is in it: someone must have said that they exist.
std::vector<SavedPart> all_parts(const ShardImage& image, const std::vector<TensorView>& laid) {
  std::vector<SavedPart> parts = image.parts();
  for (const TensorView& tensor : laid) {
    if (tensor.bytes.empty()) parts.push_back({tensor.name, tensor.dtype, tensor.shape, 0, 0});
  }
  return parts;
}

}  // namespace

/// The saver's state between calls. The caller's thread and the one behind it take turns: what belongs
/// to the one in the background is touched by the caller only before it starts and after it is joined.
class Saver::Work {
 public:
  Work(FileSystem& files, SaveOptions options, int rank, int world)
      : files_(files), options_(std::move(options)), seat_{rank, world} {
    TA_CHECK(world > 0 && rank >= 0 && rank < world);
  }

  void expect(const std::vector<TensorView>& tensors);
  bool idle() const { return next_ == Meeting::kNone; }
  bool ready() const { return !idle() && there_.load(std::memory_order_acquire); }
  void settle() const { copied_.wait(false, std::memory_order_acquire); }
  Status begin(const std::vector<TensorView>& tensors, const RunPosition& position);
  Result<std::optional<Manifest>> meet(const AllGather& gather);

 private:
  enum class Meeting { kNone, kReports, kOutcome };

  bool leads() const { return seat_.rank == 0; }
  Status lay_out(const std::vector<TensorView>& tensors);
  Status copy();
  /// Runs `side` in the background: what it returns is this rank's side of the next meeting.
  template <class Side>
  void prepare_side(Side side);
  void set_side(std::string text);
  std::string report_of(const std::stop_token& stop);
  Status write_shard(const std::stop_token& stop);
  std::string outcome_of(const std::vector<std::string>& reports);
  Result<Manifest> publish_all(const std::vector<std::string>& reports);
  /// The first rank's error, with its number.
  Status judge(const std::vector<std::string>& reports) const;
  Result<std::optional<Manifest>> conclude(const std::vector<std::string>& outcomes);
  Status give_up(const Status& status);

  FileSystem& files_;
  const SaveOptions options_;
  const Seat seat_;
  ShardImage image_;
  Meeting next_ = Meeting::kNone;
  std::uint64_t saves_ = 0;
  RunPosition position_;
  Path temporary_;
  std::vector<TensorView> laid_;  ///< of which only the names may be looked at behind settle()
  std::atomic<bool> copied_{true};
  std::string side_;
  std::atomic<bool> there_{false};  ///< side_ is
  std::jthread thread_;             ///< last: ends before anything that it uses
};

void Saver::Work::expect(const std::vector<TensorView>& tensors) {
  if (!idle() || thread_.joinable()) return;
  constexpr std::uint64_t kBytesForTheHeader = 1 << 20;
  std::uint64_t bytes = kBytesForTheHeader;
  for (const Slice& slice : plan_shard(tensors, seat_))
    bytes += (slice.end - slice.begin) * dtype_bytes(tensors[slice.tensor].dtype);
  try {
    thread_ = std::jthread([this, bytes] { image_.warm(bytes); });
  } catch (const std::system_error&) {
    // begin() does it.
  }
}

Status Saver::Work::begin(const std::vector<TensorView>& tensors, const RunPosition& position) {
  if (!idle()) {
    return internal_error(format("save step {}: step {} is still being saved; finish() it first",
                                 position.step, position_.step));
  }
  if (thread_.joinable()) thread_.join();  // what was begun by expect()
  position_ = position;
  position_.world_size = seat_.world;
  // A number of its own: rank 0 may still be clearing away the save that failed before this one.
  temporary_ =
      options_.folder / format("{}-{}", temporary_name(position.step, options_.lease), ++saves_);
  next_ = Meeting::kReports;
  there_ = false;
  const Status laid = lay_out(tensors);
  if (laid.ok()) {
    copied_ = false;
    prepare_side([this](const std::stop_token& stop) { return report_of(stop); });
  } else {
    set_side(encode_report({.status = laid}, {}));
  }
  return laid;
}

Status Saver::Work::lay_out(const std::vector<TensorView>& tensors) {
  TA_RETURN_IF_ERROR(check_tensors(tensors));
  laid_ = tensors;
  std::ranges::sort(laid_, laid_before<TensorView>);
  return image_.lay_out(laid_, plan_shard(laid_, seat_));
}

Status Saver::Work::copy() {
  const Status status = image_.copy();
  copied_.store(true, std::memory_order_release);
  copied_.notify_all();
  return status;
}

void Saver::Work::set_side(std::string text) {
  side_ = std::move(text);
  there_.store(true, std::memory_order_release);
}

template <class Side>
void Saver::Work::prepare_side(Side side) {
  there_ = false;
  try {
    thread_ = std::jthread([this, side](const std::stop_token& stop) { set_side(side(stop)); });
  } catch (const std::system_error&) {
    set_side(side({}));  // no thread to be had: the caller waits
  }
}

std::string Saver::Work::report_of(const std::stop_token& stop) {
  Status status = copy();  // first: somebody may be waiting for it
  const Result<std::string> plan = plan_digest(position_, laid_);
  if (status.ok()) status = plan.status();
  if (status.ok()) status = write_shard(stop);
  if (!status.ok()) return encode_report({.status = status}, {});
  return encode_report(
      {.plan = *plan},
      {.bytes = image_.bytes(), .digest = image_.digest(), .parts = all_parts(image_, laid_)});
}

Status Saver::Work::write_shard(const std::stop_token& stop) {
  const std::string name =
      shard_name(static_cast<std::size_t>(seat_.rank), static_cast<std::size_t>(seat_.world));
  TA_RETURN_IF_ERROR(leads() ? prepare_folder(files_, options_, temporary_)
                             : make_folder(files_, options_.folder));
  TA_RETURN_IF_ERROR(files_.create_directories(temporary_));
  TA_ASSIGN_OR_RETURN(const auto file, files_.create_direct_file(temporary_ / name));
  if (Status status = image_.write(*file, stop); !status.ok()) {
    return status.code() == ErrorCode::kDataLoss ? status.with_context(format("write {}", name))
                                                 : status;  // which names the file
  }
  TA_RETURN_IF_ERROR(file->sync());
  TA_RETURN_IF_ERROR(file->close());
  return files_.sync_directory(temporary_);  // its name, before a manifest speaks of it
}

Status Saver::Work::judge(const std::vector<std::string>& reports) const {
  std::string plan;
  for (std::size_t rank = 0; rank < reports.size(); ++rank) {
    TA_ASSIGN_OR_RETURN(const Fare fare, decode_fare(reports[rank]));
    if (!fare.status.ok()) return fare.status.with_context(format("rank {}", rank));
    if (rank == 0) plan = fare.plan;
    if (fare.plan == plan) continue;
    return invalid_argument(format(
        "rank {}: its tensors or position differ from rank 0's; all ranks must save the same "
        "step of the same model",
        rank));
  }
  return ok_status();
}

Result<Manifest> Saver::Work::publish_all(const std::vector<std::string>& reports) {
  std::vector<ShardReport> shards;
  for (const std::string& report : reports) {
    TA_ASSIGN_OR_RETURN(ShardReport shard, decode_shard_report(report));
    shards.push_back(std::move(shard));
  }
  TA_ASSIGN_OR_RETURN(const ManifestContent content, assemble(position_, shards));
  return publish(files_, options_, temporary_, content);
}

std::string Saver::Work::outcome_of(const std::vector<std::string>& reports) {
  const Result<Manifest> manifest = publish_all(reports);
  if (!manifest.ok()) return encode_outcome({.status = manifest.status()});
  return encode_outcome({.digest = manifest->digest,
                         .scheduled = manifest->position.scheduled,
                         .world_size = manifest->position.world_size,
                         .code = manifest->position.code});
}

Result<std::optional<Manifest>> Saver::Work::meet(const AllGather& gather) {
  if (idle()) return std::optional<Manifest>();
  if (thread_.joinable()) thread_.join();
  Result<std::vector<std::string>> sides = gather(side_);
  if (!sides.ok()) return give_up(sides.status());
  if (next_ == Meeting::kOutcome) return conclude(*sides);
  if (const Status status = judge(*sides); !status.ok()) {
    // Nobody will publish it. A rank that is at another step has a folder of its own.
    if (!leads()) (void)files_.remove_all(temporary_);
    return give_up(status);
  }
  next_ = Meeting::kOutcome;
  if (leads()) {
    prepare_side([this, reports = std::move(sides).value()](const std::stop_token&) {
      return outcome_of(reports);
    });
  } else {
    set_side(encode_outcome({}));
  }
  return std::optional<Manifest>();
}

Result<std::optional<Manifest>> Saver::Work::conclude(const std::vector<std::string>& outcomes) {
  const Result<Outcome> outcome = decode_outcome(outcomes.at(0));
  const Status status = outcome.ok() ? outcome->status : outcome.status();
  if (!status.ok()) return give_up(status.with_context("rank 0"));
  next_ = Meeting::kNone;
  Manifest manifest{position_, outcome->digest, options_.folder / step_name(position_.step)};
  manifest.position.scheduled = outcome->scheduled;
  manifest.position.world_size = outcome->world_size;
  manifest.position.code = outcome->code;
  return std::optional(std::move(manifest));
}

Status Saver::Work::give_up(const Status& status) {
  next_ = Meeting::kNone;
  if (leads()) (void)files_.remove_all(temporary_);
  return status.with_context(
      format("save step {} below {}", position_.step, options_.folder.string()));
}

Saver::Saver(FileSystem& files, SaveOptions options, int rank, int world)
    : work_(std::make_unique<Work>(files, std::move(options), rank, world)) {}

Saver::~Saver() = default;

void Saver::expect(const std::vector<TensorView>& tensors) {
  work_->expect(tensors);
}

bool Saver::idle() const {
  return work_->idle();
}

Status Saver::begin(const std::vector<TensorView>& tensors, const RunPosition& position) {
  return work_->begin(tensors, position);
}

void Saver::settle() {
  work_->settle();
}

bool Saver::ready() const {
  return work_->ready();
}

Result<std::optional<Manifest>> Saver::meet(const AllGather& gather) {
  return work_->meet(gather);
}

Result<std::optional<Manifest>> Saver::finish(const AllGather& gather) {
  std::optional<Manifest> manifest;
  while (!idle()) {
    TA_ASSIGN_OR_RETURN(manifest, meet(gather));
  }
  return manifest;
}

Result<Manifest> save(FileSystem& files, const Coordination& coordination,
                      const SaveOptions& options, const std::vector<TensorView>& tensors,
                      const RunPosition& position) {
  Saver saver(files, options, coordination.rank, coordination.world);
  (void)saver.begin(tensors, position);  // what is wrong reaches all ranks at the first meeting
  TA_ASSIGN_OR_RETURN(std::optional<Manifest> manifest, saver.finish(coordination.all_gather));
  return std::move(manifest).value();
}

}  // namespace tagalign::checkpoint
