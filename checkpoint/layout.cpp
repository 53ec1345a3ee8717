#include "checkpoint/layout.h"

#include <charconv>

#include "base/format.h"
#include "checkpoint/checkpoint.h"

namespace tagalign::checkpoint {
namespace {

constexpr std::string_view kStepPrefix = "step-";
constexpr std::string_view kLeftoverPrefix = ".step-";
constexpr const char* kLeaseName = "lease";
constexpr std::uint64_t kLeaseBytesMax = 64;

template <class Integer>
std::optional<Integer> parse_whole(std::string_view text) {
  Integer value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// 0 when there is no lease.
Result<std::uint32_t> read_lease(FileSystem& files, const Path& folder) {
  const Path path = folder / kLeaseName;
  Result<std::string> text = files.read_file(path, kLeaseBytesMax);
  if (text.status().code() == ErrorCode::kNotFound) return std::uint32_t{0};
  if (!text.ok()) return text.status();
  std::string_view digits = *text;
  if (digits.ends_with('\n')) digits.remove_suffix(1);
  const auto attempt = parse_whole<std::uint32_t>(digits);
  if (!attempt) {
    return data_loss(
        format("read {}: expected an attempt number, found '{}'; remove the file when no "
               "job writes to this folder",
               path.string(), *text));
  }
  return *attempt;
}

}  // namespace

std::string step_name(std::uint64_t step) {
  return format("{}{:08}", kStepPrefix, step);
}

std::optional<std::uint64_t> step_of_name(std::string_view name) {
  if (!name.starts_with(kStepPrefix)) return std::nullopt;
  const auto step = parse_whole<std::uint64_t>(name.substr(kStepPrefix.size()));
  if (!step || step_name(*step) != name) return std::nullopt;
  return step;
}

std::string shard_name(std::size_t rank, std::size_t world) {
  return format("rank-{:05}-of-{:05}.safetensors", rank, world);
}

bool is_leftover(std::string_view name) {
  return name.starts_with(kLeftoverPrefix);
}

Path parent_of(const Path& path) {
  return path.has_parent_path() ? path.parent_path() : Path(".");
}

Status remove_leftovers(FileSystem& files, const Path& folder) {
  TA_ASSIGN_OR_RETURN(const std::vector<std::string> names, files.list_directory(folder));
  for (const std::string& name : names) {
    if (is_leftover(name)) TA_RETURN_IF_ERROR(files.remove_all(folder / name));
  }
  return ok_status();
}

Status check_lease(FileSystem& files, const Path& folder, std::uint32_t attempt) {
  TA_ASSIGN_OR_RETURN(const std::uint32_t holder, read_lease(files, folder));
  if (holder <= attempt) return ok_status();
  return already_exists(format(
      "lease {}: attempt {} writes here, attempt {} was given up; remove the file only when no "
      "other job writes to this folder",
      (folder / kLeaseName).string(), holder, attempt));
}

Status take_lease(FileSystem& files, const Path& folder, std::uint32_t attempt) {
  if (!files.exists(folder)) {
    TA_RETURN_IF_ERROR(files.create_directories(folder));
    TA_RETURN_IF_ERROR(files.sync_directory(parent_of(folder)));
  }
  TA_RETURN_IF_ERROR(check_lease(files, folder, attempt));
  return files.write_durable(folder / kLeaseName, format("{}\n", attempt));
}

}  // namespace tagalign::checkpoint
