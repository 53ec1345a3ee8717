/// Rows of one size under keys of 128 bits, in one file that any number of processes read and fill
/// at the same time, without a lock.
///
/// A row's place follows from its key: it lies in the first of kPlaces neighbours that was free.
/// Each has its key beside it and a checksum of both; whoever reads compares them. Two that write
/// into one place leave one row there; one that dies while it writes leaves a place for another
/// row. Layout: checkpoint/format.md, "Features of captions".
/// Threads  one at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/checksum.h"
#include "base/status.h"
#include "worker/features/row_file.h"

namespace tagalign::jobs {

/// What rows a file holds.
struct RowKind {
  Digest128 made_from;  ///< of everything that their bits follow from, but for their keys
  std::size_t row_bytes = 0;
};

class RowTable {
 public:
  /// Neighbours that a row may lie in. With so many the first row that finds no place comes when
  /// some two thirds of a table are filled.
  static constexpr std::uint64_t kPlaces = 16;

  /// Of a file with room for `slots` rows, at least kPlaces.
  static std::uint64_t bytes_of(const RowKind& kind, std::uint64_t slots);
  /// As many rows as a file of at most so many bytes has room for.
  static std::uint64_t slots_in(const RowKind& kind, std::uint64_t bytes);

  /// Opens or makes it.
  static Result<RowTable> open(const OpenRowFile& open_file, const Path& path, const RowKind& kind,
                               std::uint64_t slots);

  enum class Found : std::uint8_t { kYes, kNo, kDamaged };
  /// kYes: `row` is what was kept. An error: the file is of no use any more.
  Result<Found> find(const Digest128& key, std::span<std::byte> row) const;
  /// False: there is no place left for this key.
  Result<bool> keep(const Digest128& key, ByteSpan row);

  const Path& path() const { return path_; }
  std::uint64_t slots() const { return slots_; }

 private:
  enum class Place : std::uint8_t { kFree, kWanted, kOther, kTorn };

  RowTable(std::unique_ptr<RowFile> file, Path path, const RowKind& kind, std::uint64_t slots);
  void write_head(const RowKind& kind);
  std::uint64_t first_slot(const Digest128& key) const;
  /// Reads the slot into `record`.
  Result<Place> look(std::uint64_t slot, const Digest128& key,
                     std::vector<std::byte>& record) const;

  std::unique_ptr<RowFile> file_;
  Path path_;
  std::size_t row_bytes_;
  std::uint64_t slots_;
};

}  // namespace tagalign::jobs
