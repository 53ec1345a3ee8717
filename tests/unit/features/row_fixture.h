/// A folder for tables of rows, rows to keep in it, and files that misbehave on command.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/format.h"
#include "worker/features/row_store.h"

namespace tagalign::jobs {

using Row = std::vector<std::byte>;

/// What a disk does to all files that were opened through opener().
struct RowFaults {
  std::uint64_t writes_left = std::numeric_limits<std::uint64_t>::max();
  bool torn = false;  ///< the first write that fails leaves half of its bytes
  bool fail_reads = false;
  int opened = 0;
};

class FaultyRowFile final : public RowFile {
 public:
  FaultyRowFile(std::unique_ptr<RowFile> real, RowFaults& faults)
      : real_(std::move(real)), faults_(faults) {}

  Status read(std::uint64_t offset, std::span<std::byte> target) const override {
    if (faults_.fail_reads) return data_loss("read rows: the disk fails");
    return real_->read(offset, target);
  }
  Status write(std::uint64_t offset, ByteSpan bytes) override {
    if (faults_.writes_left > 0) {
      --faults_.writes_left;
      return real_->write(offset, bytes);
    }
    if (std::exchange(faults_.torn, false))
      TA_RETURN_IF_ERROR(real_->write(offset, bytes.first(bytes.size() / 2)));
    return no_space("write rows: the disk is full");
  }

 private:
  std::unique_ptr<RowFile> real_;
  RowFaults& faults_;
};

class RowTest : public testing::Test {
 protected:
  static constexpr std::size_t kRowBytes = 52;  // no multiple of 8

  RowTest() {
    std::string name = (std::filesystem::temp_directory_path() / "ta_rows_XXXXXX").string();
    TA_CHECK(::mkdtemp(name.data()) != nullptr, "mkdtemp");
    home_ = name;
  }
  ~RowTest() override { std::filesystem::remove_all(home_); }

  static RowKind kind_of(const std::string& text = "weights") {
    return {.made_from = digest128(as_bytes(text)), .row_bytes = kRowBytes};
  }
  static Digest128 key_of(std::uint64_t number) {
    return digest128(as_bytes(format("caption {}", number)));
  }
  static Row row_of(std::uint64_t number) {
    Row row(kRowBytes);
    for (std::size_t i = 0; i < row.size(); ++i)
      row[i] = static_cast<std::byte>(number * 31 + i * 7 + 1);
    return row;
  }

  OpenRowFile opener() {
    return [this](const Path& path, std::uint64_t bytes) -> Result<std::unique_ptr<RowFile>> {
      ++faults_.opened;
      TA_ASSIGN_OR_RETURN(auto real, open_row_file(path, bytes));
      return std::unique_ptr<RowFile>(std::make_unique<FaultyRowFile>(std::move(real), faults_));
    };
  }

  std::string contents(const Path& path) const {
    std::ifstream stream(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  void overwrite(const Path& path, std::uint64_t offset, const std::string& bytes) const {
    std::fstream stream(path, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekp(static_cast<std::streamoff>(offset));
    stream << bytes;
  }

  FileSystem& files_ = posix_file_system();
  ManualClock clock_;
  RowFaults faults_;
  Path home_;
};

}  // namespace tagalign::jobs
