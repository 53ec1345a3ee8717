/// Reference fixtures (goldens) for tests: where they lie, and how to read their containers.
///
/// The folder is $TAGALIGN_SHARED/golden, else $TAGALIGN_SOURCE/../shared/golden. It is not part of
/// the project: a test that needs it starts with TA_REQUIRE_GOLDEN("clip/clip.json"), which skips
/// by name when the file is absent. A fixture that is there but broken throws std::runtime_error,
/// which fails the test with the file's name.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace tagalign::testing {

/// Path below the golden folder, or nullopt when it does not exist.
std::optional<std::filesystem::path> find_golden(const std::string& relative);
/// Path below the golden folder; throws when it does not exist.
std::filesystem::path golden_path(const std::string& relative);

/// A whole file; names ending in ".gz" are unpacked.
std::string read_golden_bytes(const std::string& relative);
nlohmann::json read_golden_json(const std::string& relative);

/// One tensor of a safetensors file, little-endian and row-major as stored.
struct GoldenTensor {
  std::string dtype;  ///< as safetensors writes it: "F32"
  std::vector<std::int64_t> shape;
  std::vector<std::byte> bytes;
};
std::map<std::string, GoldenTensor> read_golden_safetensors(const std::string& relative);

}  // namespace tagalign::testing

#define TA_REQUIRE_GOLDEN(relative)                                                       \
  do {                                                                                    \
    if (!::tagalign::testing::find_golden(relative))                                      \
      GTEST_SKIP() << "golden/" << (relative)                                             \
                   << " is absent: set TAGALIGN_SHARED to the folder that holds golden/"; \
  } while (false)
