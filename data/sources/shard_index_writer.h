/// Brings images and their texts together while a shard is walked. Internal to data/sources/.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "data/sources/archives/archive_walk.h"
#include "data/sources/files/record_file.h"
#include "data/sources/shard_index.h"

namespace tagalign::data {

/// Bytes of a member in an index.
struct MemberHead {
  std::uint64_t offset;
  std::uint64_t packed_bytes;
  std::uint64_t bytes;
  std::uint32_t name_bytes;
  std::uint32_t caption_bytes;
  std::uint32_t url_bytes;
  std::uint8_t coding;
  std::uint8_t has_caption;
  std::uint8_t is_duplicate;
  std::uint8_t zero;
};
static_assert(sizeof(MemberHead) == 40);

/// An image and its texts may lie apart by this many keys; further away they count as single.
inline constexpr std::size_t kPendingKeysMax = 1u << 18;

class ShardIndexWriter final : public MemberSink {
 public:
  explicit ShardIndexWriter(RecordFileWriter& records) : records_(records) {}

  bool wants_text(std::string_view name, std::uint64_t bytes) override;
  Status add(const ArchiveMember& member) override;
  /// Writes what waits for a partner; afterwards `findings` is complete.
  Status finish();

  ShardFindings findings;

 private:
  /// What is known of a key, in the order in which keys appear.
  struct Pending {
    std::string key;
    std::string name;  ///< of the image; empty: none yet
    MemberPlace place;
    std::optional<std::string> caption;
    std::string url;
    bool is_duplicate = false;
  };

  Pending& pending_of(std::string_view key);
  Status add_image(const ArchiveMember& member);
  void add_json(const ArchiveMember& member);
  Status write_first();

  RecordFileWriter& records_;
  std::deque<Pending> pending_;
  std::size_t first_ = 0;  ///< number of pending_.front()
  std::unordered_map<std::string, std::size_t> numbers_;
};

}  // namespace tagalign::data
