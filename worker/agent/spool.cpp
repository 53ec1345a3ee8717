#include "worker/agent/spool.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "base/checksum.h"
#include "base/format.h"
#include "base/limits.h"
#include "base/log.h"
#include "coordinator/protocol/codec.h"

namespace tagalign::agent {
namespace {

constexpr std::string_view kPrefix = "spool-";
constexpr std::string_view kSuffix = ".log";
constexpr std::uint32_t kRecordMagic = 0x31505354;  // "TSP1", little-endian
constexpr std::size_t kRecordHeaderBytes = 16;
constexpr std::uint64_t kSegmentBytesMax = 4u << 20;

/// magic, length of the body, digest64 of the body; all little-endian.
std::string pack_record(std::string_view body) {
  std::string record(kRecordHeaderBytes, '\0');
  const auto length = static_cast<std::uint32_t>(body.size());
  const std::uint64_t digest = digest64(as_bytes(body));
  std::memcpy(record.data(), &kRecordMagic, 4);
  std::memcpy(record.data() + 4, &length, 4);
  std::memcpy(record.data() + 8, &digest, 8);
  return record.append(body);
}

/// Takes one record off the front; nullopt when the rest is not a complete, undamaged record.
std::optional<std::string_view> take_record(std::string_view& rest) {
  if (rest.size() < kRecordHeaderBytes) return std::nullopt;
  std::uint32_t magic = 0;
  std::uint32_t length = 0;
  std::uint64_t digest = 0;
  std::memcpy(&magic, rest.data(), 4);
  std::memcpy(&length, rest.data() + 4, 4);
  std::memcpy(&digest, rest.data() + 8, 8);
  if (magic != kRecordMagic || length > rest.size() - kRecordHeaderBytes) return std::nullopt;
  const std::string_view body = rest.substr(kRecordHeaderBytes, length);
  if (digest64(as_bytes(body)) != digest) return std::nullopt;
  rest.remove_prefix(kRecordHeaderBytes + length);
  return body;
}

std::optional<std::uint64_t> first_sequence_of(std::string_view name) {
  if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix)) return std::nullopt;
  name.remove_prefix(kPrefix.size());
  name.remove_suffix(kSuffix.size());
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), value);
  if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
  return value;
}

}  // namespace

Result<Spool> Spool::open(FileSystem& files, const Path& folder) {
  TA_RETURN_IF_ERROR(files.create_directories(folder));
  Spool spool(files, folder);
  TA_RETURN_IF_ERROR(spool.load().with_context(format("opening the spool {}", folder.string())));
  TA_RETURN_IF_ERROR(spool.begin_segment());
  return spool;
}

Status Spool::load() {
  TA_ASSIGN_OR_RETURN(const auto names, files_->list_directory(folder_));
  for (const std::string& name : names) {
    if (const auto first = first_sequence_of(name)) segments_.push_back({folder_ / name, *first});
  }
  std::ranges::sort(segments_, {}, &Segment::first_sequence);
  for (const Segment& segment : segments_) load_segment(segment);
  return ok_status();
}

void Spool::load_segment(const Segment& segment) {
  next_sequence_ = std::max(next_sequence_, segment.first_sequence);
  const auto contents = files_->read_file(segment.path, kSegmentBytesMax + limits::kFrameBytesMax);
  if (!contents.ok()) {
    log_error("spool: {} cannot be read, its events are lost: {}", segment.path.string(),
              contents.status().to_string());
    return;
  }
  std::string_view rest = *contents;
  while (const auto body = take_record(rest)) {
    auto event = protocol::decode_sequenced_event(*body);
    if (!event.ok()) {
      log_error("spool: {}: {}", segment.path.string(), event.status().to_string());
      return;
    }
    if (event->sequence < next_sequence_) continue;
    next_sequence_ = event->sequence + 1;
    events_.push_back(std::move(*event));
  }
  if (!rest.empty()) {
    log_warning("spool: cut {} bytes of an incomplete record at the end of {}", rest.size(),
                segment.path.string());
  }
}

Status Spool::begin_segment() {
  file_.reset();
  const Path path = folder_ / format("{}{:020}{}", kPrefix, next_sequence_, kSuffix);
  TA_ASSIGN_OR_RETURN(file_, files_->create_file(path));
  file_bytes_ = 0;
  // A segment of this name can only hold a torn record: anything whole would have moved
  // next_sequence_ on.
  std::erase_if(segments_, [&](const Segment& segment) { return segment.path == path; });
  segments_.push_back({path, next_sequence_});
  if (const Status synced = files_->sync_directory(folder_); !synced.ok()) {
    file_.reset();
    return synced;
  }
  return ok_status();
}

Status Spool::write_record(const protocol::SequencedEvent& event) {
  const std::string record = pack_record(protocol::encode(event));
  if (!file_ || file_bytes_ >= kSegmentBytesMax) TA_RETURN_IF_ERROR(begin_segment());
  TA_RETURN_IF_ERROR(file_->append(as_bytes(record)));
  TA_RETURN_IF_ERROR(file_->sync());
  file_bytes_ += record.size();
  return ok_status();
}

Result<std::uint64_t> Spool::append(const protocol::AgentEvent& event) {
  protocol::SequencedEvent sequenced{next_sequence_, event};
  if (const Status written = write_record(sequenced); !written.ok()) {
    file_.reset();
    return written.with_context("keeping an event for the coordinator");
  }
  events_.push_back(std::move(sequenced));
  return next_sequence_++;
}

Status Spool::acknowledge(std::uint64_t sequence) {
  while (!events_.empty() && events_.front().sequence <= sequence) events_.pop_front();
  // The newest segment stays: its name carries the next sequence number over a restart.
  while (segments_.size() >= 2 && segments_[1].first_sequence <= sequence + 1) {
    TA_RETURN_IF_ERROR(files_->remove_all(segments_.front().path));
    segments_.erase(segments_.begin());
  }
  return ok_status();
}

}  // namespace tagalign::agent
