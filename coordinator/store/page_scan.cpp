#include "coordinator/store/page_scan.h"

#include <optional>

namespace tagalign::store {
namespace {

constexpr std::size_t kFileHeaderBytes = 100;
constexpr std::size_t kPageHeaderBytes = 8;
constexpr std::size_t kUsualPageBytes = 4096;  // where the file's header is lost
constexpr char kTableLeaf = 0x0d;

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<unsigned char>(byte);
  return value;
}

/// Takes an integer of one to nine bytes; nullopt at the end of `rest`.
std::optional<std::uint64_t> take_varint(std::string_view& rest) {
  std::uint64_t value = 0;
  for (int i = 0; i < 9 && !rest.empty(); ++i) {
    const auto byte = static_cast<unsigned char>(rest.front());
    rest.remove_prefix(1);
    if (i == 8) return value << 8 | byte;
    value = value << 7 | (byte & 0x7f);
    if (byte < 0x80) return value;
  }
  return std::nullopt;
}

std::optional<std::string_view> take(std::string_view& rest, std::uint64_t bytes) {
  if (bytes > rest.size()) return std::nullopt;
  const std::string_view taken = rest.substr(0, bytes);
  rest.remove_prefix(bytes);
  return taken;
}

/// Two's complement of one to eight bytes.
std::int64_t signed_integer(std::string_view bytes) {
  const int unused = 64 - 8 * static_cast<int>(bytes.size());
  return static_cast<std::int64_t>(big_endian(bytes) << unused) >> unused;
}

std::optional<ScannedValue> take_value(std::uint64_t type, std::string_view& rest) {
  static constexpr std::size_t kIntegerBytes[] = {0, 1, 2, 3, 4, 6, 8};
  if (type == 0) return ScannedValue();
  if (type == 8 || type == 9) return static_cast<std::int64_t>(type - 8);
  const bool integer = type < std::size(kIntegerBytes);
  if (!integer && type < 12) return std::nullopt;  // no table here holds a real number
  const auto bytes = take(rest, integer ? kIntegerBytes[type] : (type - 12) / 2);
  if (!bytes) return std::nullopt;
  return integer ? ScannedValue(signed_integer(*bytes)) : ScannedValue(std::string(*bytes));
}

std::optional<std::vector<ScannedValue>> read_record(std::string_view record) {
  const std::string_view whole = record;
  const auto header_bytes = take_varint(record);
  const std::size_t read = whole.size() - record.size();
  if (!header_bytes || *header_bytes < read) return std::nullopt;
  auto types = take(record, *header_bytes - read);
  if (!types) return std::nullopt;
  std::vector<ScannedValue> columns;
  while (!types->empty()) {
    const auto type = take_varint(*types);
    auto value = type ? take_value(*type, record) : std::nullopt;
    if (!value) return std::nullopt;
    columns.push_back(std::move(*value));
  }
  return columns;
}

class Scan {
 public:
  explicit Scan(std::string_view file) : file_(file) {
    if (file.size() < kFileHeaderBytes || !file.starts_with("SQLite format 3")) return;
    const std::size_t page = big_endian(file.substr(16, 2));
    page_bytes_ = page == 1 ? 65'536 : page < 512 ? kUsualPageBytes : page;
    usable_ = page_bytes_ - static_cast<unsigned char>(file[20]);
  }

  void visit_all(const std::function<void(const ScannedRow&)>& visit) const {
    for (std::size_t number = 1; !page(number).empty(); ++number) visit_page(number, visit);
  }

 private:
  /// The last one may be cut short; empty beyond it.
  std::string_view page(std::size_t number) const {
    const std::size_t begin = (number - 1) * page_bytes_;
    return number == 0 || begin >= file_.size() ? "" : file_.substr(begin, page_bytes_);
  }

  void visit_page(std::size_t number, const std::function<void(const ScannedRow&)>& visit) const {
    const std::string_view bytes = page(number);
    const std::size_t begin = number == 1 ? kFileHeaderBytes : 0;
    if (bytes.size() < begin + kPageHeaderBytes || bytes[begin] != kTableLeaf) return;
    const std::size_t cells = big_endian(bytes.substr(begin + 3, 2));
    for (std::size_t cell = 0; cell < cells; ++cell) {
      const std::size_t at = begin + kPageHeaderBytes + 2 * cell;
      if (at + 2 > bytes.size()) return;
      const std::size_t offset = big_endian(bytes.substr(at, 2));
      if (offset >= bytes.size()) continue;
      if (const auto row = read_cell(bytes.substr(offset))) visit(*row);
    }
  }

  std::optional<ScannedRow> read_cell(std::string_view cell) const {
    const auto size = take_varint(cell);
    const auto rowid = take_varint(cell);
    if (!size || !rowid || *size > file_.size()) return std::nullopt;
    const auto local = take(cell, local_bytes(*size));
    if (!local) return std::nullopt;
    std::string record(*local);
    if (record.size() < *size && !add_overflow(cell, *size, record)) return std::nullopt;
    auto columns = read_record(record);
    if (!columns) return std::nullopt;
    return ScannedRow{static_cast<std::int64_t>(*rowid), std::move(*columns)};
  }

  /// How much of a record of `size` bytes lies on the leaf itself.
  std::size_t local_bytes(std::uint64_t size) const {
    if (size <= usable_ - 35) return size;
    const std::size_t least = (usable_ - 12) * 32 / 255 - 23;
    const std::size_t fitting = least + (size - least) % (usable_ - 4);
    return fitting <= usable_ - 35 ? fitting : least;
  }

  bool add_overflow(std::string_view cell, std::uint64_t size, std::string& record) const {
    const auto first = take(cell, 4);
    if (!first) return false;
    for (std::size_t next = big_endian(*first); record.size() < size;) {
      const std::string_view bytes = page(next);
      if (bytes.size() < usable_) return false;
      record += bytes.substr(4, std::min<std::size_t>(usable_ - 4, size - record.size()));
      next = big_endian(bytes.substr(0, 4));
    }
    return true;
  }

  std::string_view file_;
  std::size_t page_bytes_ = kUsualPageBytes;
  std::size_t usable_ = kUsualPageBytes;
};

}  // namespace

void scan_rows(std::string_view file, const std::function<void(const ScannedRow&)>& visit) {
  Scan(file).visit_all(visit);
}

}  // namespace tagalign::store
