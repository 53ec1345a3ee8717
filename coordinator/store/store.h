/// The coordinator's durable memory: the log of events, committed before anything is done about
/// them.
///
/// Owns     the state folder for as long as it lives: a second coordinator is refused.
/// Order    events keep the order in which they were appended; sequence numbers are 1, 2, … without
///          gaps.
/// Failure  append() is all or nothing. After kNoSpace or kUnavailable the same batch may be
///          appended again; any other error means that the coordinator must stop. A damaged row is
///          kDataLoss and names the row.
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
#include "coordinator/core/core.h"

namespace tagalign::store {

class Store {
 public:
  virtual ~Store() = default;

  /// One transaction: every event, and a row in `results` for each evaluation result not seen
  /// before.
  virtual Status append(std::span<const core::Event> events) = 0;

  using Visitor = std::function<void(std::uint64_t sequence, const core::Event& event)>;
  /// All events in order.
  virtual Status replay(const Visitor& visit) = 0;

  virtual std::uint64_t event_count() const = 0;
};

struct StoreOptions {
  /// Upper limit of the database, in bytes; append() beyond it is kNoSpace. For tests of a full
  /// disk.
  std::optional<std::uint64_t> bytes_max;
};

/// Opens or creates `folder`/coordinator.sqlite. kAlreadyExists when another coordinator holds the
/// folder (its pid is named), kDataLoss when the file is damaged, kUnsupported when a newer version
/// wrote it.
Result<std::unique_ptr<Store>> open_store(const Path& folder, const StoreOptions& options = {});

/// What should be said to a user whose state folder lies on a network file system; nullopt on a
/// local one.
std::optional<std::string> folder_warning(const Path& folder);

}  // namespace tagalign::store
