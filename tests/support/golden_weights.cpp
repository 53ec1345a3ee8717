#include "tests/support/golden_weights.h"

#include <stdexcept>
#include <utility>

#include "tests/support/golden_files.h"

namespace tagalign::testing {
namespace {

template <class T>
T unwrap(Result<T> result) {
  if (!result.ok()) throw std::runtime_error(result.status().message());
  return std::move(result).value();
}

}  // namespace

std::unique_ptr<GoldenArchive> open_golden_archive(const std::string& relative) {
  auto bytes = std::make_unique<std::string>(read_golden_bytes(relative));
  auto archive =
      unwrap(model::TorchArchive::open(model::memory_source(as_bytes(*bytes)), relative));
  return std::unique_ptr<GoldenArchive>(new GoldenArchive{std::move(bytes), std::move(archive)});
}

}  // namespace tagalign::testing
