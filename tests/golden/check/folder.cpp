#include "tests/golden/check/folder.h"

#include <sodium.h>
#include <stdlib.h>
#include <zlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>
#include <system_error>

#include "base/format.h"
#include "worker/weights/weights.h"

namespace tagalign::golden {
namespace {

namespace fs = std::filesystem;

constexpr char kSubsetFile[] = "SUBSET";
constexpr char kPacked[] = ".gz";
constexpr std::uint64_t kAnySize = std::numeric_limits<std::int64_t>::max();

std::string without_packed(std::string name) {
  if (name.ends_with(kPacked)) name.resize(name.size() - std::string_view(kPacked).size());
  return name;
}

std::set<std::string> read_subset(const Path& path) {
  std::set<std::string> names;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    line.resize(std::min(line.find('#'), line.size()));
    std::istringstream words(line);
    if (std::string name; words >> name) names.insert(without_packed(name));
  }
  return names;
}

Status pack(const Path& from, const Path& to) {
  TA_ASSIGN_OR_RETURN(const std::string bytes, posix_file_system().read_file(from, kAnySize));
  const gzFile packed = gzopen(to.c_str(), "wb");
  if (packed == nullptr) return not_found(format("{} cannot be written", to.string()));
  const bool written = gzwrite(packed, bytes.data(), static_cast<unsigned>(bytes.size())) ==
                       static_cast<int>(bytes.size());
  const bool closed = gzclose(packed) == Z_OK;
  return written && closed ? ok_status()
                           : no_space(format("packing {} to {}", from.string(), to.string()));
}

bool is_description(const std::string& relative) {
  return relative == kSubsetFile || relative == "tensors.tsv" || relative.ends_with("README.md");
}

}  // namespace

Status unpack(const Path& from, const Path& to) {
  const gzFile packed = gzopen(from.c_str(), "rb");
  if (packed == nullptr) return not_found(format("{} cannot be opened", from.string()));
  std::ofstream file(to, std::ios::binary);
  std::vector<char> piece(1u << 20);
  int got = 0;
  while ((got = gzread(packed, piece.data(), static_cast<unsigned>(piece.size()))) > 0) {
    file.write(piece.data(), got);
  }
  gzclose(packed);
  file.close();
  if (got < 0) return data_loss(format("{} is no whole gzip file", from.string()));
  if (!file)
    return no_space(format("unpacking {}: {} cannot be written", from.string(), to.string()));
  return ok_status();
}

const at::Tensor* TensorFile::find(const std::string& name) {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) {
    report_.missing(path_ + ": " + name, "the file has no such tensor");
    return nullptr;
  }
  used_.insert(name);
  return &found->second;
}

const at::Tensor* TensorFile::peek(const std::string& name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? nullptr : &found->second;
}

const Tensors& TensorFile::all() {
  for (const auto& [name, tensor] : tensors_) used_.insert(name);
  return tensors_;
}

std::vector<std::string> TensorFile::names() const {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : tensors_) names.push_back(name);
  return names;
}

std::vector<std::string> TensorFile::unused() const {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : tensors_) {
    if (!used_.contains(name)) names.push_back(name);
  }
  return names;
}

Result<std::unique_ptr<Folder>> Folder::open(const Path& root, const Path& photos, Report& report) {
  if (!fs::is_directory(root)) return not_found(format("{} is no folder", root.string()));
  std::string pattern = (fs::temp_directory_path() / "golden_check.XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) {
    return errno_status(errno, format("making the temporary folder {}", pattern));
  }
  return std::unique_ptr<Folder>(
      new Folder(root, photos, pattern, read_subset(root / kSubsetFile), report));
}

Folder::~Folder() {
  std::error_code ignored;
  fs::remove_all(temporary_, ignored);
}

Path Folder::scratch(const std::string& name) {
  const Path path = temporary_ / "scratch" / name;
  fs::remove_all(path);
  fs::create_directories(path);
  return path;
}

bool Folder::has(const std::string& relative) const {
  const std::string plain = without_packed(relative);
  return fs::is_regular_file(root_ / plain) || fs::is_regular_file(root_ / (plain + kPacked));
}

bool Folder::is_left_out(const std::string& relative) const {
  const std::string plain = without_packed(relative);
  return std::any_of(left_out_.begin(), left_out_.end(), [&](const std::string& name) {
    return name.ends_with('/') ? plain.starts_with(name) : plain == name;
  });
}

std::vector<std::string> Folder::list(const std::string& folder, const std::string& start,
                                      const std::string& end) const {
  std::set<std::string> found;
  if (!fs::is_directory(root_ / folder)) return {};
  for (const auto& entry : fs::recursive_directory_iterator(root_ / folder)) {
    if (!entry.is_regular_file()) continue;
    const std::string name = without_packed(entry.path().filename().string());
    if (!name.starts_with(start) || !name.ends_with(end)) continue;
    found.insert(without_packed(fs::relative(entry.path(), root_).generic_string()));
  }
  return {found.begin(), found.end()};
}

void Folder::say_absent(const std::string& relative) {
  if (!said_.insert(relative).second) return;
  if (is_left_out(relative)) {
    report_.left_out(relative);
  } else {
    report_.missing(relative, "the folder has no such file");
  }
}

std::optional<Path> Folder::file(const std::string& relative) {
  const std::string plain = without_packed(relative);
  opened_.insert(plain);
  if (fs::is_regular_file(root_ / plain)) return root_ / plain;
  const Path packed = root_ / (plain + kPacked);
  if (!fs::is_regular_file(packed)) {
    say_absent(plain);
    return std::nullopt;
  }
  const Path unpacked = temporary_ / "unpacked" / plain;
  if (fs::exists(unpacked)) return unpacked;
  fs::create_directories(unpacked.parent_path());
  if (const Status status = unpack(packed, unpacked); !status.ok()) {
    report_.failed(plain, status.message());
    return std::nullopt;
  }
  return unpacked;
}

std::optional<Path> Folder::packed(const std::string& relative) {
  const auto plain = file(relative);
  if (!plain) return std::nullopt;
  const Path path = temporary_ / "packed" / (without_packed(relative) + kPacked);
  fs::create_directories(path.parent_path());
  if (const Status status = pack(*plain, path); !status.ok()) {
    report_.failed(relative, status.message());
    return std::nullopt;
  }
  return path;
}

std::optional<std::string> Folder::bytes(const std::string& relative) {
  const auto path = file(relative);
  if (!path) return std::nullopt;
  auto contents = posix_file_system().read_file(*path, kAnySize);
  if (contents.ok()) return std::move(contents).value();
  report_.failed(relative, contents.status().message());
  return std::nullopt;
}

const Json* Folder::json(const std::string& relative) {
  if (const auto known = parsed_.find(relative); known != parsed_.end()) return &known->second;
  const auto text = bytes(relative);
  if (!text) return nullptr;
  try {
    return &parsed_.emplace(relative, Json::parse(*text)).first->second;
  } catch (const Json::exception& error) {
    report_.failed(relative, error.what());
    return nullptr;
  }
}

TensorFile* Folder::tensors(const std::string& relative) {
  if (const auto known = tensor_files_.find(relative); known != tensor_files_.end()) {
    return known->second.get();
  }
  const auto path = file(relative);
  if (!path) return nullptr;
  auto loaded = jobs::load_weights(posix_file_system(), *path);
  if (!loaded.ok()) {
    report_.failed(relative, loaded.status().message());
    return nullptr;
  }
  auto opened = std::make_unique<TensorFile>(relative, std::move(loaded->tensors), report_);
  return tensor_files_.emplace(relative, std::move(opened)).first->second.get();
}

std::optional<Path> Folder::photograph(const std::string& relative) {
  const bool wanted = !without_photographs_ && !is_left_out(relative);
  if (wanted && fs::exists(photos_ / relative)) return photos_ / relative;
  if (!said_.insert("photograph " + relative).second) return std::nullopt;
  if (without_photographs_) {
    report_.not_compared(relative, "--without-photos");
  } else if (!wanted) {
    report_.left_out(relative);
  } else {
    report_.missing(relative, format("{} holds no such photograph; --photos names another folder",
                                     photos_.string()));
  }
  return std::nullopt;
}

void Folder::report_unused(const std::vector<std::string>& groups) {
  for (const std::string& group : groups) {
    for (const std::string& path : list(group)) {
      if (is_description(path)) continue;
      if (!opened_.contains(path)) {
        report_.not_compared(path, "no comparison of this program reads the file");
      }
      const auto opened = tensor_files_.find(path);
      if (opened == tensor_files_.end()) continue;
      for (const std::string& name : opened->second->unused()) {
        report_.not_compared(path + ": " + name, "no comparison of this program uses it");
      }
    }
  }
}

void Folder::report_other_keys(const std::string& relative, const Json& object,
                               const std::set<std::string>& known) {
  for (const auto& [key, value] : object.items()) {
    if (!known.contains(key)) {
      report_.not_compared(relative + ": " + key, "this program does not know the key");
    }
  }
}

std::string sha256(std::string_view bytes) {
  unsigned char digest[crypto_hash_sha256_BYTES];
  crypto_hash_sha256(digest, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  std::string hex;
  for (const unsigned char byte : digest) hex += format("{:02x}", byte);
  return hex;
}

}  // namespace tagalign::golden
