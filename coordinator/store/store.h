/// The coordinator's durable memory: the log of facts, committed before anything is done about
/// them, snapshots that spare a restart most of it, and an archive of what is needed no more.
///
/// Owns     the state folder for as long as it lives: a second coordinator is refused.
/// Order    facts keep the order in which they were appended; sequence numbers are 1, 2, … without
///          gaps. Facts that only an older snapshot needed are in the archive alone.
/// Failure  append() and save_snapshot() are all or nothing. After kNoSpace or kUnavailable the
///          same batch may be appended again; any other error means that the coordinator must
///          stop. A damaged row is kDataLoss and names the row; of a damaged snapshot the older
///          one is used.
/// Blocking append() returns when the disk has the batch: one flush for the whole batch.
/// Threads  one.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/file_system.h"
#include "base/status.h"
#include "coordinator/core/facts.h"

namespace tagalign::store {

/// State after fact number `sequence`; of an empty store 0 and nothing.
struct Snapshot {
  std::uint64_t sequence = 0;
  core::State state;
};

class Store {
 public:
  virtual ~Store() = default;

  /// One transaction: every fact, and a row in `results` for each evaluation result.
  virtual Status append(std::span<const core::Fact> facts) = 0;

  using Visitor = std::function<void(std::uint64_t sequence, const core::Fact& fact)>;
  /// All facts behind number `after`, in order.
  virtual Status replay(std::uint64_t after, const Visitor& visit) = 0;

  /// `state` is that after the newest fact. The two newest snapshots are kept, and the facts since
  /// the older of them; older facts, and results that `state` has archived, move into the archive.
  virtual Status save_snapshot(const core::State& state) = 0;
  virtual Result<Snapshot> newest_snapshot() = 0;

  /// A result that was appended, live or archived, by its key; nullopt when it is not there or not
  /// readable. Unchecked: State::archive knows a digest of its counts.
  virtual Result<std::optional<wire::EvaluationResult>> result(const std::string& key) = 0;

  /// Number of the newest fact.
  virtual std::uint64_t fact_count() const = 0;
};

/// The state that the store holds: its newest snapshot, and the facts since folded into it. The
/// snapshot's number tells how many those were.
Result<Snapshot> load_state(Store& store);

struct StoreOptions {
  /// Upper limit of the database, in bytes; append() beyond it is kNoSpace. For tests
  /// of a full disk.
  std::optional<std::uint64_t> bytes_max;
  /// Of the archive: beyond it the oldest facts are dropped. Results are not.
  std::uint64_t archive_bytes_max = 1ULL << 30;
};

/// Opens or creates `folder`/coordinator.sqlite. kAlreadyExists when another coordinator holds
/// the folder (its pid is named), kDataLoss when the file is damaged, kUnsupported when a
/// newer version wrote it.
Result<std::unique_ptr<Store>> open_store(const Path& folder, const StoreOptions& options = {});

/// What should be said to a user whose state folder lies on a network file system; nullopt
/// on a local one.
std::optional<std::string> folder_warning(const Path& folder);

}  // namespace tagalign::store
