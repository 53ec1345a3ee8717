/// Rows that were computed once, in files that ranks, attempts and other runs share: bounded in
/// size, checked before use, and never in the way of a run.
///
/// The files are tables (row_table.h), each four times as large as the one before, up to the bound.
/// What cannot be read is unknown, what cannot be written is forgotten, and each such cause is told
/// once. All files may be removed at any time.
/// Layout and rules: checkpoint/format.md, "Features of captions".
/// Threads  one at a time.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/checksum.h"
#include "base/clock.h"
#include "base/file_system.h"
#include "worker/features/row_table.h"

namespace tagalign::jobs {

struct RowStoreOptions {
  Path folder;  ///< need not be there
  RowKind kind;
  std::uint64_t bytes_max = 0;  ///< of all tables in the folder, other kinds' too
};

class RowStore {
 public:
  /// Rows of the first table.
  static constexpr std::uint64_t kFirstSlots = 4096;
  static constexpr std::uint64_t kGrowth = 4;
  /// Tables of another kind that nobody has opened or filled for so long make room for this one's.
  static constexpr std::int64_t kUnusedMs = 24ll * 3600 * 1000;

  /// Borrows `files` and `clock`.
  RowStore(FileSystem& files, Clock& clock, RowStoreOptions options,
           OpenRowFile open_file = open_row_file);

  /// True: `row` is what was kept under this key.
  bool find(const Digest128& key, std::span<std::byte> row);
  /// Looks for tables that other processes have begun since; true when there are any.
  bool look_again();
  void keep(const Digest128& key, ByteSpan row);

  /// The bound is reached: rows that find no place are not kept.
  bool is_full() const { return full_; }
  /// What a person should know, since the last call.
  std::vector<std::string> take_notices();

 private:
  struct Stored {
    Path path;
    std::uint64_t bytes = 0;
    std::int64_t used_ms = 0;  ///< when it was last opened or filled
  };
  Status open_new_tables();
  Status open_table(std::uint64_t slots);
  Path path_of(std::uint64_t slots) const;
  bool is_broken(std::uint64_t slots) const;
  /// Begins a table, or finds one that another process began; false where the bound allows none.
  Result<bool> grow();
  /// Of all kinds, the longest unused first.
  Result<std::vector<Stored>> all_tables() const;
  /// What the bound leaves for a new table of `wanted` bytes. Removes what is in
  /// its way and unused.
  Result<std::uint64_t> make_room(std::uint64_t wanted);
  void stop_keeping(const std::string& why);
  void tell_damage(const std::string& what);

  FileSystem& files_;
  Clock& clock_;
  RowStoreOptions options_;
  OpenRowFile open_file_;
  std::vector<RowTable> tables_;       ///< the smallest first
  std::vector<std::uint64_t> broken_;  ///< slots of those that are of no use to this process
  std::vector<std::string> notices_;
  bool damage_told_ = false;
  bool keeps_ = true;
  bool full_ = false;
};

}  // namespace tagalign::jobs
