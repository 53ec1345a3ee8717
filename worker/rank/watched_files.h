/// A rank that was asked to stop leaves although one of its reads never comes back.
///
/// A stop is acted upon between two steps or images. A read of a network disk that is gone keeps the
/// rank from getting there, for minutes or for ever, and no thread can take the read back; so a
/// thread of its own looks at the reads in flight and ends the process.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/file_system.h"
#include "worker/rank/reporter.h"

namespace tagalign::jobs {

/// Which reads have begun and not come back, and when something was last written. Any thread.
class ReadsInFlight {
 public:
  /// The number by which end() knows it.
  std::uint64_t begin(const Path& path, MonotonicMs now_ms);
  void end(std::uint64_t number);
  void changed(MonotonicMs now_ms);
  /// `call`, in flight until it is back.
  template <class Call>
  auto watch(const Path& path, Clock& clock, Call&& call);

  /// Why a rank that has been asked to stop since `asked_ms` shall wait no longer: a read has been
  /// in flight for limits::kStuckReadMsMax since then, while nothing was written (a checkpoint that
  /// is being saved is waited for).
  std::optional<std::string> stuck(MonotonicMs asked_ms, MonotonicMs now_ms) const;
  /// The oldest read that has been in flight for a second or longer: "/data/a.jpg for 31 s"; empty
  /// when there is none.
  std::string waited_for(MonotonicMs now_ms) const;

 private:
  struct Read {
    Path path;
    MonotonicMs since_ms = 0;
  };
  mutable std::mutex mutex_;
  std::map<std::uint64_t, Read> reads_;  ///< the oldest first
  std::uint64_t next_ = 0;
  std::optional<MonotonicMs> changed_ms_;
};

/// Passes everything on, and notes what is in flight. Borrows all three.
class WatchedFiles final : public FileSystem {
 public:
  WatchedFiles(FileSystem& real, Clock& clock, ReadsInFlight& reads)
      : real_(real), clock_(clock), reads_(reads) {}

  Result<std::string> read_file(const Path& path, std::uint64_t bytes_max) override;
  Status read_range(const Path& path, std::uint64_t offset, std::span<std::byte> target) override;
  Result<std::unique_ptr<ReadableFile>> open_file(const Path& path) override;
  Result<std::uint64_t> file_size(const Path& path) override;
  bool exists(const Path& path) override;
  Result<std::unique_ptr<WritableFile>> create_file(const Path& path) override;
  Result<std::unique_ptr<WritableFile>> create_direct_file(const Path& path) override;
  Status write_durable(const Path& path, std::string_view contents) override;
  Status rename_durable(const Path& from, const Path& to) override;
  Status create_directories(const Path& path) override;
  Status sync_directory(const Path& path) override;
  Result<std::vector<std::string>> list_directory(const Path& path) override;
  Status remove_all(const Path& path) override;
  Result<std::uint64_t> free_bytes(const Path& path) override;

 private:
  class File;
  template <class Call>
  auto changing(Call&& call);

  FileSystem& real_;
  Clock& clock_;
  ReadsInFlight& reads_;
};

/// Looks a few times a second, from a thread of its own, until destroyed. `leave` is called from
/// there with the reason, and need not return. Borrows the others.
class StuckWatch {
 public:
  StuckWatch(const ReadsInFlight& reads, Reporter& reporter, Clock& clock,
             std::function<void(const std::string&)> leave);
  ~StuckWatch();

 private:
  void watch(const std::stop_token& stop);

  const ReadsInFlight& reads_;
  Reporter& reporter_;
  Clock& clock_;
  std::function<void(const std::string&)> leave_;
  std::mutex mutex_;
  std::condition_variable_any stopped_;
  std::jthread thread_;  ///< last: joined before anything that it uses goes away
};

}  // namespace tagalign::jobs
