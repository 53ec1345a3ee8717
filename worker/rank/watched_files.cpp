#include "worker/rank/watched_files.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/format.h"
#include "base/limits.h"

namespace tagalign::jobs {

std::uint64_t ReadsInFlight::begin(const Path& path, MonotonicMs now_ms) {
  const std::scoped_lock lock(mutex_);
  reads_.emplace(next_, Read{path, now_ms});
  return next_++;
}

void ReadsInFlight::end(std::uint64_t number) {
  const std::scoped_lock lock(mutex_);
  reads_.erase(number);
}

void ReadsInFlight::changed(MonotonicMs now_ms) {
  const std::scoped_lock lock(mutex_);
  changed_ms_ = now_ms;
}

std::optional<std::string> ReadsInFlight::stuck(MonotonicMs asked_ms, MonotonicMs now_ms) const {
  const std::scoped_lock lock(mutex_);
  if (reads_.empty()) return std::nullopt;
  const auto& [number, oldest] = *reads_.begin();
  const MonotonicMs since = std::max({asked_ms, oldest.since_ms, changed_ms_.value_or(asked_ms)});
  if (now_ms - since < limits::kStuckReadMsMax) return std::nullopt;
  return format(
      "asked to stop, but reading {} has not come back for {}: left without saving; is its disk "
      "there?",
      oldest.path.string(), format_duration(now_ms - oldest.since_ms));
}

std::string ReadsInFlight::waited_for(MonotonicMs now_ms) const {
  constexpr std::int64_t kWorthSayingMs = 1'000;
  const std::scoped_lock lock(mutex_);
  if (reads_.empty()) return "";
  const Read& oldest = reads_.begin()->second;
  const std::int64_t age_ms = now_ms - oldest.since_ms;
  if (age_ms < kWorthSayingMs) return "";
  return format("{} for {}", oldest.path.string(), format_duration(age_ms));
}

template <class Call>
auto ReadsInFlight::watch(const Path& path, Clock& clock, Call&& call) {
  const std::uint64_t number = begin(path, clock.monotonic_ms());
  auto result = call();
  end(number);
  return result;
}

/// A file of which every read is noted.
class WatchedFiles::File final : public ReadableFile {
 public:
  File(WatchedFiles& owner, std::unique_ptr<ReadableFile> real, Path path)
      : owner_(owner), real_(std::move(real)), path_(std::move(path)) {}
  Status read(std::uint64_t offset, std::span<std::byte> target) const override {
    return owner_.reads_.watch(path_, owner_.clock_, [&] { return real_->read(offset, target); });
  }

 private:
  WatchedFiles& owner_;
  std::unique_ptr<ReadableFile> real_;
  Path path_;
};

template <class Call>
auto WatchedFiles::changing(Call&& call) {
  reads_.changed(clock_.monotonic_ms());
  auto result = call();
  reads_.changed(clock_.monotonic_ms());
  return result;
}

Result<std::string> WatchedFiles::read_file(const Path& path, std::uint64_t bytes_max) {
  return reads_.watch(path, clock_, [&] { return real_.read_file(path, bytes_max); });
}
Status WatchedFiles::read_range(const Path& path, std::uint64_t offset,
                                std::span<std::byte> target) {
  return reads_.watch(path, clock_, [&] { return real_.read_range(path, offset, target); });
}
Result<std::unique_ptr<ReadableFile>> WatchedFiles::open_file(const Path& path) {
  TA_ASSIGN_OR_RETURN(auto file, reads_.watch(path, clock_, [&] { return real_.open_file(path); }));
  return std::unique_ptr<ReadableFile>(std::make_unique<File>(*this, std::move(file), path));
}
Result<std::uint64_t> WatchedFiles::file_size(const Path& path) {
  return reads_.watch(path, clock_, [&] { return real_.file_size(path); });
}
bool WatchedFiles::exists(const Path& path) {
  return reads_.watch(path, clock_, [&] { return real_.exists(path); });
}
Result<std::vector<std::string>> WatchedFiles::list_directory(const Path& path) {
  return reads_.watch(path, clock_, [&] { return real_.list_directory(path); });
}
Result<std::unique_ptr<WritableFile>> WatchedFiles::create_file(const Path& path) {
  return changing([&] { return real_.create_file(path); });
}
Result<std::unique_ptr<WritableFile>> WatchedFiles::create_direct_file(const Path& path) {
  return changing([&] { return real_.create_direct_file(path); });
}
Status WatchedFiles::write_durable(const Path& path, std::string_view contents) {
  return changing([&] { return real_.write_durable(path, contents); });
}
Status WatchedFiles::rename_durable(const Path& from, const Path& to) {
  return changing([&] { return real_.rename_durable(from, to); });
}
Status WatchedFiles::create_directories(const Path& path) {
  return changing([&] { return real_.create_directories(path); });
}
Status WatchedFiles::sync_directory(const Path& path) {
  return changing([&] { return real_.sync_directory(path); });
}
Status WatchedFiles::remove_all(const Path& path) {
  return changing([&] { return real_.remove_all(path); });
}
Result<std::uint64_t> WatchedFiles::free_bytes(const Path& path) {
  return reads_.watch(path, clock_, [&] { return real_.free_bytes(path); });
}

StuckWatch::StuckWatch(const ReadsInFlight& reads, Reporter& reporter, Clock& clock,
                       std::function<void(const std::string&)> leave)
    : reads_(reads), reporter_(reporter), clock_(clock), leave_(std::move(leave)) {
  thread_ = std::jthread([this](const std::stop_token& stop) { watch(stop); });
}

StuckWatch::~StuckWatch() = default;

void StuckWatch::watch(const std::stop_token& stop) {
  constexpr auto kPeriod = std::chrono::milliseconds(250);
  std::optional<MonotonicMs> asked_ms;
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    stopped_.wait_for(lock, stop, kPeriod, [&] { return stop.stop_requested(); });
    if (!reporter_.stop_requested()) continue;
    const MonotonicMs now_ms = clock_.monotonic_ms();
    if (!asked_ms) asked_ms = now_ms;
    if (const auto why = reads_.stuck(*asked_ms, now_ms)) return leave_(*why);
  }
}

}  // namespace tagalign::jobs
