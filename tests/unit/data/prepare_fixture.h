/// Miniatures of the official archives, made in a temporary folder in their exact layout.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "data/benchmarks/check.h"
#include "data/benchmarks/prepare.h"
#include "data/image/image.h"
#include "tests/unit/data/image_samples.h"
#include "tests/unit/data/temporary_folder.h"

namespace tagalign::data {

/// A PNG that stores indices into a palette, as VOC's labels do.
std::string palette_png(int width, int height, const std::vector<std::uint8_t>& indices);
/// COCO's compressed run lengths of a row-major mask.
std::string compressed_runs(int height, int width, const std::vector<int>& mask);

/// Every file below a folder by its path, with its bytes.
std::map<std::string, std::string> files_below(const Path& folder);

class PrepareTest : public ::testing::Test {
 protected:
  Path source() const { return folder_.path() / "source"; }
  Path output() const { return folder_.path() / "output"; }

  /// A JPEG of 4 x 3 pixels in the source.
  void photo(const std::string& name) {
    folder_.write("source/" + name, encode_jpeg(sample_image(4, 3), 90));
  }
  /// A grey PNG of 4 x 3 labels: `ids`, filled up with its last.
  void label(const std::string& name, std::vector<std::uint16_t> ids) {
    folder_.write("source/" + name, encode_label_png(map_of(std::move(ids))));
  }
  void text(const std::string& name, std::string_view contents) {
    folder_.write("source/" + name, contents);
  }
  /// What archivers and file managers leave in any folder.
  void litter(const std::string& folder);

  static LabelMap map_of(std::vector<std::uint16_t> ids) {
    ids.resize(12, ids.back());
    return {4, 3, std::move(ids)};
  }

  BenchmarkSource options(const std::string& benchmark) const {
    return {.benchmark = benchmark, .source = source(), .output = output(), .threads = 2};
  }
  Result<PrepareReport> prepare(const std::string& benchmark) {
    return prepare_benchmark(posix_file_system(), clock_, options(benchmark), {});
  }
  /// Prepares what must be there; the report holds no problem.
  PrepareReport prepared(const std::string& benchmark);

  bool has(const std::string& name) const { return std::filesystem::exists(output() / name); }
  std::string bytes(const std::string& name) const;
  std::vector<std::uint16_t> ids(const std::string& name) const;

  TemporaryFolder folder_;
  ManualClock clock_;
};

}  // namespace tagalign::data
