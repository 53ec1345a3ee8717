#include "tests/support/golden_files.h"

#include <zlib.h>

#include <bit>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace tagalign::testing {
namespace {

static_assert(std::endian::native == std::endian::little,
              "fixtures are read without swapping bytes");

std::optional<std::filesystem::path> golden_root() {
  if (const char* shared = std::getenv("TAGALIGN_SHARED")) {
    return std::filesystem::path(shared) / "golden";
  }
  if (const char* source = std::getenv("TAGALIGN_SOURCE")) {
    return std::filesystem::path(source).parent_path() / "shared" / "golden";
  }
  return std::nullopt;
}

std::string read_plain(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream contents;
  contents << file.rdbuf();
  if (!file) throw std::runtime_error("cannot read " + path.string());
  return std::move(contents).str();
}

std::string read_gzip(const std::filesystem::path& path) {
  gzFile file = gzopen(path.c_str(), "rb");
  if (file == nullptr) throw std::runtime_error("cannot open " + path.string());
  std::string contents;
  std::vector<char> piece(1u << 20);
  int got = 0;
  while ((got = gzread(file, piece.data(), static_cast<unsigned>(piece.size()))) > 0) {
    contents.append(piece.data(), static_cast<std::size_t>(got));
  }
  gzclose(file);
  if (got < 0) throw std::runtime_error("broken gzip file " + path.string());
  return contents;
}

}  // namespace

std::optional<std::filesystem::path> find_golden(const std::string& relative) {
  const auto root = golden_root();
  if (!root || !std::filesystem::exists(*root / relative)) return std::nullopt;
  return *root / relative;
}

std::filesystem::path golden_path(const std::string& relative) {
  if (auto path = find_golden(relative)) return *path;
  throw std::runtime_error("golden/" + relative + " is absent: set TAGALIGN_SHARED");
}

std::string read_golden_bytes(const std::string& relative) {
  const auto path = golden_path(relative);
  return path.extension() == ".gz" ? read_gzip(path) : read_plain(path);
}

nlohmann::json read_golden_json(const std::string& relative) {
  return nlohmann::json::parse(read_golden_bytes(relative));
}

std::map<std::string, GoldenTensor> read_golden_safetensors(const std::string& relative) {
  const std::string contents = read_golden_bytes(relative);
  std::uint64_t header_bytes = 0;
  if (contents.size() < sizeof header_bytes) throw std::runtime_error("truncated " + relative);
  std::memcpy(&header_bytes, contents.data(), sizeof header_bytes);
  if (header_bytes > contents.size() - sizeof header_bytes) {
    throw std::runtime_error("truncated " + relative);
  }
  const std::size_t data_start = sizeof header_bytes + header_bytes;
  const auto header =
      nlohmann::json::parse(std::string_view(contents).substr(sizeof header_bytes, header_bytes));
  std::map<std::string, GoldenTensor> tensors;
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") continue;
    const auto offsets = entry.at("data_offsets").get<std::vector<std::size_t>>();
    if (offsets.size() != 2 || offsets[0] > offsets[1] ||
        offsets[1] > contents.size() - data_start) {
      throw std::runtime_error("tensor " + name + " lies outside " + relative);
    }
    GoldenTensor tensor;
    tensor.dtype = entry.at("dtype").get<std::string>();
    tensor.shape = entry.at("shape").get<std::vector<std::int64_t>>();
    tensor.bytes.resize(offsets[1] - offsets[0]);
    std::memcpy(tensor.bytes.data(), contents.data() + data_start + offsets[0],
                tensor.bytes.size());
    tensors.emplace(name, std::move(tensor));
  }
  return tensors;
}

}  // namespace tagalign::testing
