#include "coordinator/store/memory_store.h"

#include "base/format.h"
#include "coordinator/store/event_codec.h"

namespace tagalign::store {

Status MemoryStore::append(std::span<const core::Event> events) {
  if (failures_left_ > 0) {
    --failures_left_;
    return no_space("append events: the disk is full (injected)");
  }
  for (const core::Event& event : events) {
    std::string bytes = encode_event(event);
    const std::uint64_t checksum = event_checksum(kEventFormat, bytes);
    rows_.push_back({checksum, std::move(bytes)});
  }
  return ok_status();
}

Status MemoryStore::replay(const Visitor& visit) {
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    if (event_checksum(kEventFormat, rows_[i].bytes) != rows_[i].checksum) {
      return data_loss(format("event {}: checksum differs", i + 1));
    }
    TA_ASSIGN_OR_RETURN(const core::Event event, decode_event(kEventFormat, rows_[i].bytes));
    visit(i + 1, event);
  }
  return ok_status();
}

void MemoryStore::damage(std::uint64_t sequence) {
  std::string& bytes = rows_.at(sequence - 1).bytes;
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
}

}  // namespace tagalign::store
